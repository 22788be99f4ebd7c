package backup

import (
	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/sim"
)

// Backup is the state of a store at one revision. It never changes.
type Backup struct {
	// Taken is when, by the clock of the member that was asked; 0 is not known.
	Taken  sim.Wall
	Keys   *mvcc.Snapshot
	Leases []lease.Granted
}

// Revision is the revision of the state.
func (b *Backup) Revision() int64 { return b.Keys.Revision() }

// Bump returns the same state at a revision that is higher, with all history compacted: what etcdutl's --bump-revision
// with --mark-compacted makes. Whoever has seen later revisions of the store that was lost finds its history compacted,
// and lists anew, instead of taking old revisions for new ones.
func (b *Backup) Bump(revisions int64) *Backup {
	return &Backup{Taken: b.Taken, Keys: b.Keys.Bump(revisions), Leases: b.Leases}
}

// Codec encodes the values that are not mvcc.Bytes. A nil Codec refuses them.
type Codec interface {
	Encode(v mvcc.Value) ([]byte, error)
	Decode(data []byte) (mvcc.Value, error)
}

const (
	magic      = "fauxkube-etcd-1\n"
	sumBytes   = 32
	codecNone  = 0
	codecBytes = 1
	codecOther = 2
)
