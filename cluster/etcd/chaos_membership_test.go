package etcd

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// reshaping is a chaos in which members are replaced.
type reshaping struct {
	*chaos
	// busy says that a change is under way; toStart are members that were added and have not been started.
	busy    bool
	toStart []Peer
	next    int
}

// reshape begins a change of the membership: one that is there goes, or another one comes.
func (r *reshaping) reshape() {
	if r.busy {
		return
	}
	leader := r.leader()
	if leader < 0 {
		return
	}
	members := r.members[leader].cluster.sorted()
	r.busy = true
	end := func(_ *MemberListResponse, err error) { r.busy = false }
	switch {
	case r.members[leader].voters() > 3: // Fewer than three could not lose anybody.
		victim := members[rapid.IntRange(0, len(members)-1).Draw(r.t, "victim")]
		r.client.MemberRemove(victim.ID, end)
	case slices.ContainsFunc(members, func(p Peer) bool { return p.Learner }):
		i := slices.IndexFunc(members, func(p Peer) bool { return p.Learner })
		r.client.MemberPromote(members[i].ID, end)
	default:
		p := r.peer(r.next)
		p.Learner = rapid.Bool().Draw(r.t, "learner")
		r.next++
		r.toStart = append(r.toStart, p)
		r.client.MemberAdd(p, func(_ *MemberListResponse, err error) {
			r.busy = false
			if errors.Is(err, ErrUnhealthy) || errors.Is(err, ErrTooManyLearners) { // It never will be a member.
				r.toStart = slices.DeleteFunc(r.toStart, func(other Peer) bool { return other.Name == p.Name })
			}
		})
	}
}

// startAdded starts the members that the store has taken in.
func (r *reshaping) startAdded() {
	leader := r.leader()
	if leader < 0 {
		return
	}
	known := r.members[leader].cluster
	r.toStart = slices.DeleteFunc(r.toStart, func(p Peer) bool {
		_, taken := known.members[p.withID().ID]
		if taken {
			r.addMember(p, known.sorted(), true, func(c *MemberConfig) { c.SnapshotEntries, c.CatchUpEntries = 30, 10 })
		}
		return taken
	})
}

// settled reports whether everybody who belongs to the store has applied the same.
func (r *reshaping) settled() bool {
	leader := r.leader()
	if leader < 0 {
		return false
	}
	for _, p := range r.members[leader].cluster.sorted() {
		i := slices.IndexFunc(r.members, func(m *Member) bool { return m.ID() == p.ID })
		if i < 0 || !r.members[i].Serving() || r.members[i].AppliedIndex() != r.canonical.Index() {
			return false
		}
	}
	return true
}

// Members come and go under faults: no acknowledged write is lost, all answers are right, and those who belong to the
// store in the end are equal.
func TestChaosWithMembershipChanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		small := func(m *MemberConfig) { m.SnapshotEntries, m.CatchUpEntries = 30, 10 }
		r := &reshaping{chaos: newChaos(rt, 3, small), next: 3}
		defer r.close()
		defer func() { recoverTo(rt, recover()) }()
		for range rapid.IntRange(5, 40).Draw(rt, "steps") {
			for range rapid.IntRange(0, 5).Draw(rt, "operations") {
				r.desk.Do(r.operate)
			}
			switch rapid.IntRange(0, 5).Draw(rt, "disturb") {
			case 0:
				r.disturb()
			case 1, 2:
				r.desk.Do(r.reshape)
			case 3:
				r.calm()
			}
			r.startAdded()
			r.run(rapid.SampledFrom([]time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second}).Draw(rt, "pause"))
			if err := r.model.err(); err != nil {
				rt.Fatal(err)
			}
		}
		r.calm()
		r.await(120*time.Second, "the members have settled", func() bool {
			r.startAdded()
			return r.settled()
		})
		for _, err := range r.exits {
			if !errors.Is(err, ErrRemoved) {
				rt.Fatalf("a member ended itself: %v", err)
			}
		}
		if err := r.model.err(); err != nil {
			rt.Fatal(err)
		}
	})
}
