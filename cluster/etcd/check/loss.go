package check

import (
	"fmt"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/etcd"
)

// written is a revision that has been committed.
type written struct {
	index    uint64
	revision int64
	keys     []string
	// acknowledged says that a client was told.
	acknowledged bool
}

// keptWrites is how many of the newest revisions are kept, to say what is gone if disks are lost: a snapshot's distance
// (etcd server/embed: DefaultSnapshotCount), which no member is further behind than what it is sent.
const keptWrites = 10_000

// wrote keeps a revision.
func (k *Checker) wrote(a *etcd.Application) *written {
	w := &written{index: a.Index, revision: a.Revision}
	for i := range a.Events {
		w.keys = append(w.keys, a.Events[i].KV.Key)
	}
	if k.writes = append(k.writes, w); len(k.writes) >= 2*keptWrites {
		k.writes = append(k.writes[:0], k.writes[keptWrites:]...)
	}
	return w
}

// Loss says what of the newest revisions no member that serves has in its log, and which of it had been acknowledged; lost
// is whether something had.
func (k *Checker) Loss(members []*etcd.Member) (text string, lost bool) {
	var last uint64
	best := ""
	for _, m := range members {
		if m != nil && m.Serving() && (best == "" || m.LastIndex() > last) {
			last, best = m.LastIndex(), m.Name()
		}
	}
	gone := k.writes
	for len(gone) > 0 && gone[0].index <= last {
		gone = gone[1:]
	}
	switch {
	case best == "":
		return "no member is left that holds anything", len(k.writes) > 0
	case len(gone) == 0:
		return fmt.Sprintf("nothing is gone, %s holds every revision up to %d", best, k.Revision()), false
	}
	var acknowledged []string
	for _, w := range gone {
		if w.acknowledged {
			acknowledged = append(acknowledged, fmt.Sprintf("%s at %d", strings.Join(w.keys, " and "), w.revision))
		}
	}
	text = fmt.Sprintf("revisions %d to %d are gone", gone[0].revision, gone[len(gone)-1].revision)
	if n := len(acknowledged); n > 0 {
		const shown = 5
		text += fmt.Sprintf(", of which %d had been acknowledged: %s", n, strings.Join(acknowledged[:min(n, shown)], ", "))
		if n > shown {
			text += fmt.Sprintf(" and %d more", n-shown)
		}
	}
	return text, len(acknowledged) > 0
}
