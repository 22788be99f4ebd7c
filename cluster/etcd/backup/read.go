package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/sim"
)

// ErrDamaged wraps every reason for which a file is refused.
var ErrDamaged = errors.New("the backup is damaged")

// Read reads a backup, all of it or nothing.
func Read(from io.Reader, codec Codec) (*Backup, error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	if len(data) < len(magic) || string(data[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin as one of this version does (%q)", ErrDamaged, magic[:len(magic)-1])
	}
	if len(data) < len(magic)+sumBytes {
		return nil, fmt.Errorf("%w: it is only %d bytes long", ErrDamaged, len(data))
	}
	body, sum := data[:len(data)-sumBytes], data[len(data)-sumBytes:]
	r := &reader{data: body, at: len(magic), codec: codec}
	b, err := r.backup()
	if err == nil && r.at != len(body) {
		err = fmt.Errorf("%w: its last revision is followed by something else, %d bytes long", ErrDamaged, len(body)-r.at)
	}
	if err != nil {
		return nil, err
	}
	if want := sha256.Sum256(body); !bytes.Equal(want[:], sum) {
		return nil, fmt.Errorf("%w: its SHA-256 does not match", ErrDamaged)
	}
	return b, nil
}

// reader reads from a byte slice. After the first failure everything it returns is zero.
type reader struct {
	data  []byte
	at    int
	codec Codec
	err   error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.data)-r.at) {
		r.err = fmt.Errorf("%w: it ends in the middle, after %d bytes", ErrDamaged, len(r.data)+sumBytes)
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

func (r *reader) number() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// count reads how many things of a least size follow; it cannot be more than fit into the rest.
func (r *reader) count(leastBytes int) int {
	n := r.number()
	if r.err == nil && (n < 0 || n > int64((len(r.data)-r.at)/leastBytes)) {
		r.err = fmt.Errorf("%w: it ends in the middle, after %d bytes", ErrDamaged, len(r.data)+sumBytes)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	if b := r.take(4); b != nil {
		return string(r.take(int(binary.BigEndian.Uint32(b))))
	}
	return ""
}

func (r *reader) backup() (*Backup, error) {
	b := &Backup{Taken: sim.Wall(r.number())}
	revision, compacted := r.number(), r.number()
	for range r.count(16) {
		b.Leases = append(b.Leases, lease.Granted{ID: r.number(), TTLSeconds: r.number()})
	}
	all := make([]mvcc.Revision, r.count(41))
	for i := range all {
		r.revision(&all[i])
	}
	if r.err != nil {
		return nil, r.err
	}
	keys, err := mvcc.Import(all, revision, compacted)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	b.Keys = keys
	return b, nil
}

func (r *reader) revision(to *mvcc.Revision) {
	start := r.at
	to.Key = r.string()
	to.CreateRevision, to.ModRevision, to.Version, to.Lease = r.number(), r.number(), r.number(), r.number()
	to.Deleted = to.Version == 0
	var encoded []byte
	codec := byte(codecNone)
	if b := r.take(1); b != nil {
		codec = b[0]
	}
	if codec != codecNone {
		encoded = []byte(r.string())
	}
	end := r.at
	sum := r.take(4)
	if r.err != nil {
		return
	}
	if binary.BigEndian.Uint32(sum) != crc32.Checksum(r.data[start:end], castagnoli) {
		r.err = fmt.Errorf("%w: checksum mismatch in the revision at byte %d", ErrDamaged, start)
		return
	}
	r.value(to, codec, encoded)
}

func (r *reader) value(to *mvcc.Revision, codec byte, encoded []byte) {
	switch {
	case codec == codecNone:
	case codec == codecBytes:
		to.Value = mvcc.Bytes(encoded)
	case codec == codecOther && r.codec != nil:
		value, err := r.codec.Decode(encoded)
		if err != nil {
			r.err = fmt.Errorf("%w: decoding the value of %q: %w", ErrDamaged, to.Key, err)
		}
		to.Value = value
	default:
		r.err = fmt.Errorf("the value of %q needs codec %d", to.Key, codec)
	}
}
