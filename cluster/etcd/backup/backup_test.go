package backup

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// drawn is a keyspace after random writes and compactions.
func drawn(t *rapid.T) (*mvcc.Store, *lease.Lessor) {
	lessor := lease.New(2)
	lessor.Grant(1, 10, 0)
	store := mvcc.New(lessor)
	for range rapid.IntRange(0, 40).Draw(t, "writes") {
		key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			store.DeleteRange(&mvcc.DeleteRangeRequest{Key: key}, false)
		case 1:
			store.Compact(rapid.Int64Range(0, store.Revision()).Draw(t, "compact"))
		default:
			store.Put(&mvcc.PutRequest{
				Key: key, Value: mvcc.Bytes(fmt.Sprint(store.Revision())), Lease: rapid.Int64Range(0, 1).Draw(t, "lease"),
			}, false)
		}
	}
	return store, lessor
}

func encode(t *rapid.T, b *Backup) []byte {
	var out bytes.Buffer
	if err := Write(&out, b, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What was written is read: the same hash, leases and history. The size may be less: a tombstone that a later put has
// covered counts until that put is compacted, and is not saved.
func TestBackupRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, lessor := drawn(t)
		data := encode(t, &Backup{12, store.Snapshot(), lessor.Snapshot()})
		b, err := Read(bytes.NewReader(data), nil)
		if err != nil {
			t.Fatal(err)
		}
		leases := lease.Restore(b.Leases, 2)
		restored := mvcc.Restore(b.Keys, leases)
		h1, c1, err1 := store.HashKV(0)
		h2, c2, err2 := restored.HashKV(0)
		if h1 != h2 || c1 != c2 || err1 != err2 || store.Revision() != restored.Revision() || store.SizeBytes() < restored.SizeBytes() {
			t.Fatalf("hash %x@%d became %x@%d, revision %d became %d, size %d became %d", h1, c1, h2, c2, store.Revision(),
				restored.Revision(), store.SizeBytes(), restored.SizeBytes())
		}
		if fmt.Sprint(leases.Keys(1)) != fmt.Sprint(lessor.Keys(1)) {
			t.Fatalf("keys %v became %v", lessor.Keys(1), leases.Keys(1))
		}
		if !bytes.Equal(data, encode(t, &Backup{b.Taken, restored.Snapshot(), leases.Snapshot()})) {
			t.Fatal("a backup of the restored store differs")
		}
		for revision := max(c1, 1); revision <= store.Revision(); revision++ {
			r := &mvcc.RangeRequest{Key: mvcc.AllKeys, RangeEnd: mvcc.AllKeys, Revision: revision}
			x, _ := store.Range(r)
			y, err := restored.Range(r)
			if err != nil || x.Count != y.Count {
				t.Fatalf("revision %d has %d keys instead of %d (%v)", revision, y.Count, x.Count, err)
			}
		}
	})
}

// Every file that is cut short anywhere, with any bit wrong, or with something behind its end is refused.
func TestEveryDamageIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, lessor := drawn(t)
		data := encode(t, &Backup{12, store.Snapshot(), lessor.Snapshot()})
		if len(data) > 600 {
			t.Skip("every bit of a small file is enough")
		}
		refused := func(what string, at int, damaged []byte) {
			if _, err := Read(bytes.NewReader(damaged), nil); !errors.Is(err, ErrDamaged) {
				t.Fatalf("%s %d of %d bytes: %v", what, at, len(data), err)
			}
		}
		for n := range data {
			refused("cut after", n, data[:n])
		}
		for bit := range 8 * len(data) {
			damaged := bytes.Clone(data)
			damaged[bit/8] ^= 1 << (bit % 8)
			refused("wrong bit", bit, damaged)
		}
		refused("a byte more behind", len(data), append(bytes.Clone(data), 0))
	})
}

// The same for a backup of objects that a codec encodes.
func TestDamageIsRefusedBeforeTheCodecSeesIt(t *testing.T) {
	store := mvcc.New(nil)
	store.Put(&mvcc.PutRequest{Key: "a", Value: object{"content"}}, false)
	var file bytes.Buffer
	if err := Write(&file, &Backup{0, store.Snapshot(), nil}, objects{}); err != nil {
		t.Fatal(err)
	}
	data := file.Bytes()
	if b, err := Read(bytes.NewReader(data), objects{}); err != nil || b.Keys.Living()[0].Value != mvcc.Value(object{"content"}) {
		t.Fatalf("the whole file: %v", err)
	}
	for bit := range 8 * len(data) {
		damaged := bytes.Clone(data)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := Read(bytes.NewReader(damaged), objects{}); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	if err := Write(&file, &Backup{0, store.Snapshot(), nil}, nil); err == nil {
		t.Fatal("an object was written without a codec")
	}
	if _, err := Read(bytes.NewReader(data), nil); err == nil {
		t.Fatal("an object was read without a codec")
	}
}

type object struct{ content string }

func (o object) SizeBytes() int { return len(o.content) }

type objects struct{}

func (objects) Encode(v mvcc.Value) ([]byte, error)    { return []byte(v.(object).content), nil }
func (objects) Decode(data []byte) (mvcc.Value, error) { return object{string(data)}, nil }

// A state at a higher revision has the same keys, reads at no revision before, and leaves the original alone.
func TestBump(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, lessor := drawn(t)
		b := &Backup{0, store.Snapshot(), lessor.Snapshot()}
		before := encode(t, b)
		bumped := mvcc.Restore(b.Bump(1000).Keys, lease.Restore(b.Leases, 2))
		if bumped.Revision() != store.Revision()+1000 || bumped.CompactRevision() != bumped.Revision() {
			t.Fatalf("revision %d became %d, compacted at %d", store.Revision(), bumped.Revision(), bumped.CompactRevision())
		}
		all := &mvcc.RangeRequest{Key: mvcc.AllKeys, RangeEnd: mvcc.AllKeys}
		x, _ := store.Range(all)
		y, err := bumped.Range(all)
		if err != nil || !slices.EqualFunc(x.KVs, y.KVs, func(a, b *mvcc.KeyValue) bool { return *a == *b }) {
			t.Fatalf("%d keys became %d (%v)", len(x.KVs), len(y.KVs), err)
		}
		if _, err := bumped.Range(&mvcc.RangeRequest{Key: "a", Revision: bumped.Revision() - 1}); !errors.Is(err, mvcc.ErrCompacted) {
			t.Fatalf("an earlier revision: %v", err)
		}
		if !bytes.Equal(before, encode(t, b)) {
			t.Fatal("the original has changed")
		}
	})
}
