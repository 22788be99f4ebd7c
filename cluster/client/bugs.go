package client

import (
	"strconv"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim/failpoints"
	"github.com/fauxkube/fauxkube/sim/host"
)

// bugs are the mistakes that are planted in a reflector.
type bugs struct{ resumesLate, keepsDeleted, rewinds, forgetsDeletion bool }

var informerBugs = []struct {
	failpoints.Bug
	plant func(*bugs)
}{
	{failpoints.Bug{Name: "informer/resumes-late", What: "a reflector goes on one revision too late"}, func(b *bugs) { b.resumesLate = true }},
	{failpoints.Bug{Name: "informer/keeps-deleted", What: "a reflector that lists again keeps what has been deleted"}, func(b *bugs) { b.keepsDeleted = true }},
	{failpoints.Bug{Name: "informer/rewinds", What: "a reflector goes on from the revision of its last list"}, func(b *bugs) { b.rewinds = true }},
	{failpoints.Bug{Name: "informer/forgets-deletion", What: "a reflector that has resumed takes no notice of a deletion that comes first"}, func(b *bugs) { b.forgetsDeletion = true }},
}

// Bugs lists the bugs that can be planted in informers.
func Bugs() (all []failpoints.Bug) {
	for i := range informerBugs {
		all = append(all, informerBugs[i].Bug)
	}
	return all
}

func plantedIn(p *host.Process) (planted bugs) {
	for i := range informerBugs {
		if failpoints.Planted(p, informerBugs[i].Name) {
			informerBugs[i].plant(&planted)
		}
	}
	return planted
}

// resumeFrom is the resource version from which a watch goes on.
func (r *reflector) resumeFrom() string {
	switch {
	case r.bugs.rewinds:
		return r.listed
	case r.bugs.resumesLate:
		return strconv.FormatUint(api.ParseRV(r.resourceVersion)+1, 10)
	}
	return r.resourceVersion
}
