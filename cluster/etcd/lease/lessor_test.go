package lease

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/sim"
)

// plain is the lessor written down simply: a table of ends, searched from top to bottom.
type plain struct {
	ttl     map[int64]int64
	expiry  map[int64]sim.Monotonic
	check   map[int64]sim.Monotonic
	primary bool
}

func (p *plain) refresh(id int64, now sim.Monotonic, extend time.Duration) {
	p.expiry[id] = now.Add(time.Duration(p.ttl[id])*time.Second + extend)
	p.check[id] = p.expiry[id]
}

func (p *plain) grant(id, ttl int64, now sim.Monotonic) bool {
	if _, exists := p.ttl[id]; exists || id == 0 || ttl > maxTTLSeconds {
		return false
	}
	p.ttl[id] = max(ttl, 2)
	if p.primary {
		p.refresh(id, now, 0)
	}
	return true
}

func (p *plain) revoke(id int64) {
	delete(p.ttl, id)
	delete(p.expiry, id)
	delete(p.check, id)
}

func (p *plain) expired(now sim.Monotonic) (ids []int64) {
	for id, check := range p.check {
		if check <= now {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Or(cmp.Compare(p.check[a], p.check[b]), cmp.Compare(a, b)) })
	for _, id := range ids {
		p.check[id] = now.Add(retryInterval)
	}
	return ids
}

func TestLessorEqualsPlainTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		le := New(2)
		p := &plain{map[int64]int64{}, map[int64]sim.Monotonic{}, map[int64]sim.Monotonic{}, false}
		now := sim.Monotonic(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := rapid.Int64Range(0, 8).Draw(t, "id")
			switch rapid.IntRange(0, 6).Draw(t, "action") {
			case 0, 1:
				ttl := rapid.SampledFrom([]int64{-1, 1, 3, 5, 60, maxTTLSeconds + 1}).Draw(t, "ttl")
				if _, err := le.Grant(id, ttl, now); p.grant(id, ttl, now) != (err == nil) {
					t.Fatalf("grant %d: %v", id, err)
				}
			case 2:
				_, exists := p.ttl[id]
				if _, err := le.Revoke(id); exists != (err == nil) {
					t.Fatalf("revoke %d: %v", id, err)
				}
				p.revoke(id)
			case 3:
				want := error(nil)
				switch _, exists := p.ttl[id]; {
				case !p.primary:
					want = ErrNotPrimary
				case !exists:
					want = mvcc.ErrLeaseNotFound
				case p.expiry[id] <= now:
					want = ErrExpiring
				default:
					p.refresh(id, now, 0)
				}
				if _, err := le.Renew(id, now); err != want {
					t.Fatalf("renew %d: %v instead of %v", id, err, want)
				}
			case 4:
				if p.primary {
					p.primary = false
					clear(p.expiry)
					clear(p.check)
					le.Demote()
					break
				}
				p.primary = true
				for id := range p.ttl {
					p.refresh(id, now, time.Second)
				}
				le.Promote(now, time.Second)
			default:
				now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
				if want, got := p.expired(now), le.Expired(now); !slices.Equal(want, got) {
					t.Fatalf("expired: %v instead of %v", got, want)
				}
			}
			if want := slices.Sorted(maps.Values(p.check)); len(want) > 0 {
				if next, ok := le.NextCheck(); !ok || next != want[0] {
					t.Fatalf("next check is %v instead of %v", next, want[0])
				}
			} else if _, ok := le.NextCheck(); ok {
				t.Fatal("a check without leases")
			}
		}
	})
}

// After a promotion no second sees more ends than can be revoked in it, and none comes early.
func TestPromotionSpreadsEnds(t *testing.T) {
	le := New(2)
	for id := int64(1); id <= 5000; id++ {
		le.Grant(id, 10, 0)
	}
	le.Promote(0, time.Second)
	perSecond := map[int64]int{}
	for _, l := range le.List() {
		if l.expiry < sim.Monotonic(11*time.Second) {
			t.Fatalf("lease %d ends after %v, before its time", l.ID, time.Duration(l.expiry))
		}
		perSecond[int64(l.expiry)/int64(time.Second)]++
	}
	for second, n := range perSecond {
		if n > revokesPerSecond {
			t.Errorf("%d leases end in second %d", n, second)
		}
	}
}

// The keyspace attaches and detaches keys, and a revocation takes all of them along.
func TestRevokeReturnsTheKeys(t *testing.T) {
	le := New(2)
	le.Grant(1, 10, 0)
	le.Grant(2, 10, 0)
	store := mvcc.New(le)
	for _, key := range []string{"c", "a", "b"} {
		if _, err := store.Put(&mvcc.PutRequest{Key: key, Lease: 1}, false); err != nil {
			t.Fatal(err)
		}
	}
	store.Put(&mvcc.PutRequest{Key: "b", Lease: 2}, false) // Moves to the other lease.
	store.DeleteRange(&mvcc.DeleteRangeRequest{Key: "c"}, false)
	store.Put(&mvcc.PutRequest{Key: "d", Lease: 1}, false)
	keys, err := le.Revoke(1)
	if err != nil || !slices.Equal(keys, []string{"a", "d"}) {
		t.Fatalf("keys %v, error %v", keys, err)
	}
	store.DeleteKeys(keys)
	if n := len(store.Changes()); n != 2 {
		t.Fatalf("%d deletions in one revision instead of 2", n)
	}
	if _, err := store.Put(&mvcc.PutRequest{Key: "a", Lease: 1}, false); err != mvcc.ErrLeaseNotFound {
		t.Fatalf("a put with a revoked lease: %v", err)
	}
}

// However many leases expire at once, a look revokes no more than its share of a thousand a second; those that it has taken
// come again only after a while, should their revocation be lost.
func TestRevocationsKeepTheirPace(t *testing.T) {
	le := New(2)
	for id := int64(1); id <= 1200; id++ {
		le.Grant(id, 10, 0)
	}
	le.Promote(0, 0)
	now := sim.Monotonic(20 * time.Second)
	revoked := map[int64]bool{}
	for _, want := range []int{RevokesPerCheck, RevokesPerCheck, 200, 0} {
		ids := le.Expired(now)
		if len(ids) != want {
			t.Fatalf("%d revocations at %v instead of %d", len(ids), time.Duration(now), want)
		}
		for _, id := range ids {
			if revoked[id] {
				t.Fatalf("lease %d is revoked twice", id)
			}
			revoked[id] = true
		}
		now = now.Add(CheckInterval)
	}
	if ids := le.Expired(now.Add(retryInterval)); len(ids) != RevokesPerCheck {
		t.Fatalf("%d revocations are tried again", len(ids))
	}
}
