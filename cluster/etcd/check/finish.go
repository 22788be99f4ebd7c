package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
)

// Unsettled says what is still to come after the faults have ended, with the guarantee that would be broken if it never
// came; nil where nothing is. members are all that belong to the store.
func (k *Checker) Unsettled(members []*etcd.Member) error {
	if err := k.hanging(); err != nil {
		return err
	}
	for _, m := range members {
		switch {
		case m == nil || !m.Serving():
			return violation(MembersAreEqual, "a member does not serve")
		case m.AppliedIndex() != k.canonical.Index():
			return violation(MembersAreEqual, "%s has applied index %d of %d", m.Name(), m.AppliedIndex(), k.canonical.Index())
		}
	}
	for _, w := range k.watches.all {
		if !w.ended && w.Behind() {
			return violation(WatchersCatchUp, "%s has told everything before %d, %d is the newest", w.name, w.Next(), k.model.revision())
		}
	}
	return nil
}

// hanging says which requests have not been answered.
func (k *Checker) hanging() error {
	var all []string
	for _, o := range k.pending { //sim:unordered sorted below
		if o.Return != 0 {
			continue
		}
		if w, ok := o.Request.(*waiting); ok {
			all = append(all, w.what)
		} else {
			all = append(all, o.String())
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return violation(NothingHangs, "%d requests, among them %s", len(all), strings.Join(all[:min(len(all), 3)], "; "))
}

// Hanging counts the requests that have not been answered.
func (k *Checker) Hanging() (n int) {
	for _, o := range k.pending { //sim:unordered a number
		if o.Return == 0 {
			n++
		}
	}
	return n
}

// Finish compares the members with each other and with the model, when the store has settled.
func (k *Checker) Finish(members []*etcd.Member) {
	if err := k.Unsettled(members); err != nil {
		k.Report(err)
		return
	}
	for _, w := range k.watches.all {
		if !w.ended {
			w.stream.Settle()
		}
	}
	want, _, err := k.model.keys.HashKV(0)
	if err != nil {
		panic(fmt.Sprintf("check: the model has no hash: %v", err))
	}
	for _, m := range members {
		if m.Store().FirstRevision() != k.model.keys.FirstRevision() {
			continue // Compacted further in an earlier life: hashes are of what is left.
		}
		if got, _, err := m.Store().HashKV(0); err != nil || got != want {
			k.broken(MembersAreEqual, "%s holds %x, the model %x (%v)", m.Name(), got, want, err)
		}
	}
	k.compareLeases(members)
}

// compareLeases compares which leases there are and what they hold.
func (k *Checker) compareLeases(members []*etcd.Member) {
	want := leaseTable(k.model.leases)
	for _, m := range members {
		if got := leaseTable(m.Lessor()); !maps.Equal(got, want) {
			k.broken(MembersAreEqual, "%s has the leases %v, the model %v", m.Name(), got, want)
		}
	}
}

func leaseTable(l *lease.Lessor) map[int64]string {
	table := map[int64]string{}
	for _, x := range l.List() {
		table[x.ID] = strings.Join(l.Keys(x.ID), " ")
	}
	return table
}
