package etcd

import (
	"errors"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/sim"
)

// found collects the guarantees that were found broken.
func found(c *Canonical) *[]Guarantee {
	var all []Guarantee
	c.OnViolation(func(err error) {
		var v *Violation
		if errors.As(err, &v) {
			all = append(all, v.Guarantee)
		}
	})
	return &all
}

// logger is a member of which only the log counts.
func logger(c *Canonical, name string) *Member {
	m := &Member{config: MemberConfig{Name: name}, canonical: c, store: mvcc.New(nil)}
	m.lineage.restart(bootstrapIndex, 0)
	return m
}

func entriesFrom(first uint64, terms ...uint64) []raftpb.Entry {
	var all []raftpb.Entry
	for i, term := range terms {
		all = append(all, raftpb.Entry{Index: first + uint64(i), Term: term})
	}
	return all
}

func TestEachGuaranteeOfAgreementIsChecked(t *testing.T) {
	for _, x := range []struct {
		name  string
		want  []Guarantee
		story func(c *Canonical, a, b *Member)
	}{
		{"one leads after the other", nil, func(c *Canonical, a, b *Member) {
			c.leads(a, 2)
			c.leads(b, 3)
			c.leads(b, 3)
		}},
		{"two lead in one term", []Guarantee{OneLeaderATerm}, func(c *Canonical, a, b *Member) {
			c.leads(a, 2)
			c.leads(b, 2)
		}},
		{"a log is overwritten from where it differs", nil, func(c *Canonical, a, b *Member) {
			a.lineage.extend(a, entriesFrom(2, 2, 2, 2))
			b.lineage.extend(b, entriesFrom(2, 2, 3))
			a.lineage.extend(a, entriesFrom(3, 3))
			b.lineage.extend(b, entriesFrom(4, 3))
			a.lineage.extend(a, entriesFrom(4, 3))
		}},
		{"equal index and term behind different entries", []Guarantee{LogMatching}, func(c *Canonical, a, b *Member) {
			a.lineage.extend(a, entriesFrom(2, 2, 3))
			b.lineage.extend(b, entriesFrom(2, 1, 3))
		}},
		{"different contents in a term that overwrote another", []Guarantee{LogMatching}, func(c *Canonical, a, b *Member) {
			a.lineage.extend(a, entriesFrom(2, 2))
			b.lineage.extend(b, entriesFrom(2, 3))
			other := entriesFrom(2, 3)
			other[0].Type, other[0].Data = raftpb.EntryConfChange, []byte("add m4")
			a.lineage.extend(a, other)
		}},
		{"equal index and term with different contents", []Guarantee{LogMatching}, func(c *Canonical, a, b *Member) {
			one, two := entriesFrom(2, 2), entriesFrom(2, 2)
			one[0].Type, one[0].Data = raftpb.EntryConfChange, []byte("add m4")
			two[0].Type, two[0].Data = raftpb.EntryConfChange, []byte("add m5")
			a.lineage.extend(a, one)
			b.lineage.extend(b, two)
		}},
		{"a member applies what is further on than anybody has come", []Guarantee{StateMachineSafety}, func(c *Canonical, a, b *Member) {
			c.observe(a, &raftpb.Entry{Index: 5, Term: 2}, nil, nil)
		}},
		{"a member starts from a state of the store", nil, func(c *Canonical, a, b *Member) {
			c.base, c.hashes = bootstrapIndex, []uint64{7}
			c.begin(b, &image{index: bootstrapIndex, history: 7})
		}},
		{"a member starts from another state", []Guarantee{SnapshotsAreHistory}, func(c *Canonical, a, b *Member) {
			c.base, c.hashes = bootstrapIndex, []uint64{7}
			c.begin(b, &image{index: bootstrapIndex, history: 8})
		}},
		{"a member starts from a state that nobody has come to", []Guarantee{SnapshotsAreHistory}, func(c *Canonical, a, b *Member) {
			c.base, c.hashes = bootstrapIndex, []uint64{7}
			c.begin(b, &image{index: 9, history: 7})
		}},
		{"a leader lacks what was committed", []Guarantee{LeaderCompleteness}, func(c *Canonical, a, b *Member) {
			a.lineage.extend(a, entriesFrom(2, 2, 2))
			c.index = 3
			c.lineage, _ = a.lineage.at(3)
			b.lineage.extend(b, entriesFrom(2, 2))
			c.leads(b, 3)
		}},
		{"a leader has something else in its place", []Guarantee{LeaderCompleteness}, func(c *Canonical, a, b *Member) {
			a.lineage.extend(a, entriesFrom(2, 2, 2))
			c.index = 3
			c.lineage, _ = a.lineage.at(3)
			b.lineage.extend(b, entriesFrom(2, 2, 3))
			c.leads(b, 4)
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := sim.New(sim.Config{NoWatchdog: true})
			defer s.Close()
			c := NewCanonical(s)
			c.index = bootstrapIndex
			got := found(c)
			x.story(c, logger(c, "a"), logger(c, "b"))
			if len(*got) != len(x.want) || len(x.want) > 0 && (*got)[0] != x.want[0] {
				t.Fatalf("found %q, want %q", *got, x.want)
			}
		})
	}
}

// The lineages that logs have in common are those of a comparison entry by entry.
func TestLineageEqualsComparingLogs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sim.New(sim.Config{NoWatchdog: true})
		defer s.Close()
		c := NewCanonical(s)
		found(c)
		members := []*Member{logger(c, "a"), logger(c, "b")}
		logs := make([][]raftpb.Entry, 2)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "member")
			keep := rapid.IntRange(0, len(logs[i])).Draw(t, "keep")
			var terms []uint64
			for range rapid.IntRange(1, 3).Draw(t, "entries") {
				terms = append(terms, rapid.Uint64Range(1, 2).Draw(t, "term"))
			}
			more := entriesFrom(uint64(keep)+2, terms...)
			logs[i] = append(logs[i][:keep:keep], more...)
			members[i].lineage.extend(members[i], more)
		}
		equal := true
		for i := range min(len(logs[0]), len(logs[1])) {
			equal = equal && logs[0][i].Term == logs[1][i].Term
			a, _ := members[0].lineage.at(uint64(i) + 2)
			b, _ := members[1].lineage.at(uint64(i) + 2)
			if (a == b) != equal {
				t.Fatalf("up to %d the logs are equal: %v; their lineages are %x and %x", i+2, equal, a, b)
			}
		}
	})
}
