package disk

import "slices"

// State is what a checksum over a record would say.
type State uint8

const (
	// Intact: all bytes are there.
	Intact State = iota
	// Torn: some of the bytes were lost or overwritten.
	Torn
	// Rotten: all bytes are there, but some are wrong.
	Rotten
)

func (s State) String() string {
	return [...]string{"intact", "torn", "rotten"}[s]
}

// Record is a write of which something is still visible.
type Record struct {
	// Offset is where it was written, Length how long it was.
	Offset, Length int64
	Payload        any
	State          State
}

// Records returns every write of which something is left, by offset and then age. What was lost entirely is missing:
// see Prefix.
func (f *File) Records() []Record {
	return f.now.records()
}

func (c *content) records() []Record {
	type found struct {
		record Record
		write  uint64
		left   int64
		rotten bool
	}
	var all []found
	index := map[uint64]int{}
	for _, e := range c.extents {
		i, ok := index[e.write]
		if !ok {
			i = len(all)
			index[e.write] = i
			all = append(all, found{
				record: Record{Offset: e.Offset - e.From, Length: e.Size, Payload: e.Payload}, write: e.write,
			})
		}
		all[i].left += e.Length
		all[i].rotten = all[i].rotten || e.Rotten
	}
	slices.SortStableFunc(all, func(a, b found) int {
		if a.record.Offset != b.record.Offset {
			return int(min(max(a.record.Offset-b.record.Offset, -1), 1))
		}
		return int(min(max(int64(a.write)-int64(b.write), -1), 1))
	})
	records := make([]Record, len(all))
	for i, x := range all {
		switch {
		case x.left < x.record.Length:
			x.record.State = Torn
		case x.rotten:
			x.record.State = Rotten
		}
		records[i] = x.record
	}
	return records
}

// Prefix returns the intact records from the file's beginning up to the first hole, torn or rotten record, and the offset
// behind the last of them: what recovery of a log may trust. clean reports that nothing lies behind it.
func (f *File) Prefix() (records []Record, end int64, clean bool) {
	for _, r := range f.Records() {
		if r.Offset != end || r.State != Intact {
			break
		}
		records = append(records, r)
		end += r.Length
	}
	return records, end, end == f.now.size
}

// Bytes returns the file's content where it was written as []byte: zeros in holes and for other payloads, every bit of
// a rotten extent flipped.
func (f *File) Bytes() []byte {
	out := make([]byte, f.now.size)
	for _, e := range f.now.extents {
		source, ok := e.Payload.([]byte)
		if !ok {
			continue
		}
		part := out[e.Offset:e.end()]
		copy(part, source[e.From:e.From+e.Length])
		if e.Rotten {
			for i := range part {
				part[i] ^= 0xff
			}
		}
	}
	return out
}
