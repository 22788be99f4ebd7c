package mvcc

import "cmp"

// Leases is what the keyspace asks of the leases. Keys are attached and detached as they are written.
type Leases interface {
	Exists(id int64) bool
	Attach(id int64, key string)
	Detach(id int64, key string)
}

// Store is the keyspace of one member. Writes must come in the order of the replicated log.
type Store struct {
	keys index
	// log holds the records from compactRevision on, in order of revision.
	log history
	// revision is that of the last write. An empty store is at revision 1, as in etcd.
	revision int64
	// compactRevision is the replicated one: the oldest revision that can be read. -1 before the first compaction.
	compactRevision int64
	// floor is the highest revision at which any store that shares records with this one was compacted.
	floor *int64
	// sizeBytes is the modelled size of all records, compacted ones excluded.
	sizeBytes int64
	leases    Leases
	// changes are the records written by the transaction that runs or ran last.
	changes []*Record
	// path is scratch space of Txn.
	path []bool
	// reading is set while ReadTxn runs.
	reading bool
	bugs    Bugs
}

// New returns an empty keyspace. leases may be nil where no lease exists.
func New(leases Leases) *Store {
	floor := int64(-1)
	return &Store{keys: newIndex(), revision: 1, compactRevision: -1, floor: &floor, leases: leases}
}

// Revision is the revision of the last write.
func (s *Store) Revision() int64 { return s.revision }

// CompactRevision is the revision of the last compaction; -1 where there was none.
func (s *Store) CompactRevision() int64 { return s.compactRevision }

// FirstRevision is the oldest revision that this store can still be read at.
func (s *Store) FirstRevision() int64 { return max(s.compactRevision, *s.floor) }

// SizeBytes is the modelled size of everything that is not compacted.
func (s *Store) SizeBytes() int64 { return s.sizeBytes }

// Keys counts the keys in the index, tombstones included.
func (s *Store) Keys() int { return s.keys.len() }

// Changes are the records that the last write made, in order. The slice is valid until the next write.
func (s *Store) Changes() []*Record { return s.changes }

// begin starts a write.
func (s *Store) begin() {
	clear(s.changes)
	s.changes = s.changes[:0]
}

// end finishes a write: whatever it changed becomes one revision.
func (s *Store) end() {
	if len(s.changes) > 0 {
		s.revision++
	}
}

// readRevision is the revision that a read inside of the running write sees.
func (s *Store) readRevision() int64 {
	if len(s.changes) > 0 {
		return s.revision + 1
	}
	return s.revision
}

// put writes one key. The tree tells what was replaced in the same operation.
func (s *Store) put(key string, value Value, lease int64) *Record {
	r := &Record{KeyValue: KeyValue{
		Key: key, Value: value, ModRevision: s.revision + 1, CreateRevision: s.revision + 1, Version: 1, Lease: lease,
	}}
	r.sizeBytes = int32(r.SizeBytes())
	old := s.keys.set(key, r)
	var oldLease int64
	if old != nil {
		r.Key, r.previous, r.replacedBytes = old.Key, old, old.sizeBytes
		if old.Version != 0 {
			r.CreateRevision, r.Version = old.CreateRevision, old.Version+1
			oldLease = old.Lease
		}
	}
	if oldLease != lease {
		s.moveLease(r.Key, oldLease, lease)
	}
	s.record(r)
	return r
}

// deleteKey writes a tombstone over a living key.
func (s *Store) deleteKey(old *Record) {
	r := &Record{
		KeyValue:  KeyValue{Key: old.Key, ModRevision: s.revision + 1},
		previous:  old,
		sizeBytes: int32(len(old.Key) + keyValueOverheadBytes), replacedBytes: old.sizeBytes,
	}
	s.keys.set(r.Key, r)
	s.moveLease(r.Key, old.Lease, 0)
	s.record(r)
}

func (s *Store) record(r *Record) {
	s.sizeBytes += int64(r.sizeBytes)
	s.log.append(r)
	s.changes = append(s.changes, r)
}

func (s *Store) moveLease(key string, from, to int64) {
	if from != 0 {
		s.leases.Detach(from, key)
	}
	if to != 0 {
		s.leases.Attach(to, key)
	}
}

// Put writes one key. Where respond is false the response is nil: only the member that answers needs it.
func (s *Store) Put(r *PutRequest, respond bool) (*PutResponse, error) {
	s.begin()
	if err := cmp.Or(s.checkLease(r), s.checkKept(r)); err != nil {
		return nil, err
	}
	var response *PutResponse
	if respond {
		response = &PutResponse{}
	}
	s.executePut(r, response)
	s.end()
	return response, nil
}

// checkLease and checkKept find the errors of a put that depend on the state. etcd looks in this order, in a transaction
// in the other one.
func (s *Store) checkLease(r *PutRequest) error {
	if r.Lease != 0 && (s.leases == nil || !s.leases.Exists(r.Lease)) {
		return ErrLeaseNotFound
	}
	return nil
}

func (s *Store) checkKept(r *PutRequest) error {
	if (r.IgnoreValue || r.IgnoreLease) && s.current(r.Key) == nil {
		return ErrKeyNotFound
	}
	return nil
}

// current is the living state of a key; nil where it does not exist.
func (s *Store) current(key string) *Record {
	if r := s.keys.get(key); r != nil && r.Version != 0 {
		return r
	}
	return nil
}

// executePut writes and fills the response in, if there is one.
func (s *Store) executePut(r *PutRequest, response *PutResponse) {
	value, lease := r.Value, r.Lease
	var before *Record
	if r.IgnoreValue || r.IgnoreLease {
		before = s.current(r.Key)
		if r.IgnoreValue {
			value = before.Value
		}
		if r.IgnoreLease {
			lease = before.Lease
		}
	}
	written := s.put(r.Key, value, lease)
	if response == nil {
		return
	}
	response.Header.Revision = s.revision + 1
	if p := written.previous; r.PrevKV && p != nil && p.Version != 0 {
		response.PrevKV = &p.KeyValue
	}
}

// DeleteRange deletes keys. A deletion that finds nothing makes no revision.
func (s *Store) DeleteRange(r *DeleteRangeRequest, respond bool) *DeleteRangeResponse {
	s.begin()
	response := s.executeDelete(r, respond)
	s.end()
	return response
}

func (s *Store) executeDelete(r *DeleteRangeRequest, respond bool) *DeleteRangeResponse {
	doomed := s.collect(r.Key, r.RangeEnd)
	for _, old := range doomed {
		s.deleteKey(old)
	}
	if !respond {
		return nil
	}
	response := &DeleteRangeResponse{Header: Header{Revision: s.readRevision()}, Deleted: int64(len(doomed))}
	if r.PrevKV {
		for _, old := range doomed {
			response.PrevKVs = append(response.PrevKVs, &old.KeyValue)
		}
	}
	return response
}

// DeleteKeys deletes the given keys in one revision: what the end of a lease does. Keys that do not exist are skipped.
func (s *Store) DeleteKeys(keys []string) {
	s.begin()
	for _, key := range keys {
		if old := s.current(key); old != nil {
			s.deleteKey(old)
		}
	}
	s.end()
}

// collect returns the living records of a range in order.
func (s *Store) collect(key, end string) []*Record {
	if end == "" {
		if r := s.current(key); r != nil {
			return []*Record{r}
		}
		return nil
	}
	var found []*Record
	s.ascend(key, end, func(r *Record) bool {
		if r.Version != 0 {
			found = append(found, r)
		}
		return true
	})
	return found
}

// ascend visits the newest record of each key of a range in order, tombstones included.
func (s *Store) ascend(key, end string, visit func(*Record) bool) {
	s.keys.ascend(key, func(r *Record) bool {
		if end != AllKeys && r.Key >= end {
			return false
		}
		return visit(r)
	})
}

// InRange reports whether a key lies in the range of a request.
func InRange(key, start, end string) bool {
	switch end {
	case "":
		return key == start
	case AllKeys:
		return key >= start
	default:
		return key >= start && key < end
	}
}
