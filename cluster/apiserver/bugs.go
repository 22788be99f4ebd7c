package apiserver

import (
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
	"github.com/fauxkube/fauxkube/sim/failpoints"
	"github.com/fauxkube/fauxkube/sim/host"
)

// bugs are the mistakes that are planted in a server.
type bugs struct {
	cache watchcache.Bugs
	// resumesLate: a cache whose watch on the store has ended goes on one revision too late.
	resumesLate bool
	// progressOvertakes: a cache believes to know a revision whose changes it is still decoding.
	progressOvertakes bool
}

var serverBugs = []struct {
	failpoints.Bug
	plant func(*bugs)
}{
	{failpoints.Bug{Name: "watchcache/skips-first", What: "a watch that resumes is not told of the first change since"}, func(b *bugs) { b.cache.SkipsFirst = true }},
	{failpoints.Bug{Name: "watchcache/repeats-last", What: "a watch that resumes is told the last change that it knows again"}, func(b *bugs) { b.cache.RepeatsLast = true }},
	{failpoints.Bug{Name: "watchcache/out-of-order", What: "changes that a client has not taken yet change places"}, func(b *bugs) { b.cache.Swaps = true }},
	{failpoints.Bug{Name: "watchcache/loses-deletions", What: "a kubelet is not told that one of its pods is deleted"}, func(b *bugs) { b.cache.LosesDeletions = true }},
	{failpoints.Bug{Name: "watchcache/bookmark-ahead", What: "a bookmark names the revision after the last that the cache knows"}, func(b *bugs) { b.cache.BookmarksPromise = true }},
	{failpoints.Bug{Name: "apiserver/cache-resumes-late", What: "a cache whose watch on the store has ended goes on one revision too late"}, func(b *bugs) { b.resumesLate = true }},
	{failpoints.Bug{Name: "apiserver/progress-overtakes", What: "a cache shows a revision of which it is still decoding the changes"}, func(b *bugs) { b.progressOvertakes = true }},
}

// Bugs lists the bugs that can be planted in a server.
func Bugs() (all []failpoints.Bug) {
	for i := range serverBugs {
		all = append(all, serverBugs[i].Bug)
	}
	return all
}

func plantedIn(p *host.Process) (planted bugs) {
	for i := range serverBugs {
		if failpoints.Planted(p, serverBugs[i].Name) {
			serverBugs[i].plant(&planted)
		}
	}
	return planted
}

// resumeAt is the revision from which a cache's watch on the store begins.
func (s *session) resumeAt() int64 {
	if s.cacher.server.bugs.resumesLate && s.watched {
		return s.revision + 2
	}
	return s.revision + 1
}
