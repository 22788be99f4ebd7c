package backup

import (
	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Backup is the state of a store at one revision. It never changes.
type Backup struct {
	Keys   *mvcc.Snapshot
	Leases []lease.Granted
}

// Revision is the revision of the state.
func (b *Backup) Revision() int64 { return b.Keys.Revision() }

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
