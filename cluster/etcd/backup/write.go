package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write writes a backup in the format of the package's documentation.
func Write(to io.Writer, b *Backup, codec Codec) error {
	sum := sha256.New()
	buffered := bufio.NewWriter(to)
	w := io.MultiWriter(buffered, sum)
	head := []byte(magic)
	head = appendNumbers(head, int64(b.Taken), b.Keys.Revision(), b.Keys.CompactRevision(), int64(len(b.Leases)))
	for _, l := range b.Leases {
		head = appendNumbers(head, l.ID, l.TTLSeconds)
	}
	revisions := b.Keys.Export()
	head = appendNumbers(head, int64(len(revisions)))
	if _, err := w.Write(head); err != nil {
		return err
	}
	var record []byte
	for i := range revisions {
		var err error
		if record, err = appendRevision(record[:0], &revisions[i], codec); err != nil {
			return err
		}
		if _, err := w.Write(record); err != nil {
			return err
		}
	}
	if _, err := buffered.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return buffered.Flush()
}

func appendNumbers(to []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		to = binary.BigEndian.AppendUint64(to, uint64(n))
	}
	return to
}

func appendString(to []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(s))), s...)
}

func appendRevision(to []byte, r *mvcc.Revision, codec Codec) ([]byte, error) {
	to = appendString(to, r.Key)
	to = appendNumbers(to, r.CreateRevision, r.ModRevision, r.Version, r.Lease)
	switch v := r.Value.(type) {
	case nil:
		to = append(to, codecNone)
	case mvcc.Bytes:
		to = appendString(append(to, codecBytes), string(v))
	default:
		if codec == nil {
			return nil, fmt.Errorf("the value of %q is a %T, which needs a codec", r.Key, v)
		}
		data, err := codec.Encode(v)
		if err != nil {
			return nil, fmt.Errorf("encoding the value of %q: %w", r.Key, err)
		}
		to = appendString(append(to, codecOther), string(data))
	}
	return binary.BigEndian.AppendUint32(to, crc32.Checksum(to, castagnoli)), nil
}
