package mvcc

import (
	"maps"
	"slices"
)

// twin is the keyspace written down as simply as possible: a full copy of every state, and the changes of every
// revision. It is what Store is compared with.
type twin struct {
	states    []map[string]KeyValue // By revision; states[0] is not used.
	changes   [][]Event
	compacted int64
	leases    map[int64]bool
}

func newTwin(leases map[int64]bool) *twin {
	return &twin{states: []map[string]KeyValue{{}, {}}, changes: make([][]Event, 2), compacted: -1, leases: leases}
}

func (t *twin) revision() int64 { return int64(len(t.states) - 1) }

// write runs fn on a copy of the newest state and keeps it as a revision if there were changes.
func (t *twin) write(fn func(w *twinWrite)) {
	w := &twinWrite{twin: t, state: maps.Clone(t.states[t.revision()]), revision: t.revision() + 1}
	fn(w)
	if len(w.events) > 0 {
		t.states = append(t.states, w.state)
		t.changes = append(t.changes, w.events)
	}
}

type twinWrite struct {
	twin     *twin
	state    map[string]KeyValue
	revision int64
	events   []Event
}

func (w *twinWrite) now() int64 {
	if len(w.events) > 0 {
		return w.revision
	}
	return w.revision - 1
}

func (w *twinWrite) previous(key string) *KeyValue {
	if kv, ok := w.twin.states[w.revision-1][key]; ok {
		return &kv
	}
	return nil
}

func (w *twinWrite) put(r *PutRequest) *PutResponse {
	old, exists := w.state[r.Key]
	kv := KeyValue{Key: r.Key, Value: r.Value, Lease: r.Lease, CreateRevision: w.revision, ModRevision: w.revision, Version: 1}
	if exists {
		kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
	}
	if r.IgnoreValue {
		kv.Value = old.Value
	}
	if r.IgnoreLease {
		kv.Lease = old.Lease
	}
	response := &PutResponse{Header: Header{Revision: w.revision}}
	if r.PrevKV && exists {
		response.PrevKV = &old
	}
	w.events = append(w.events, Event{Type: Put, KV: &kv, PrevKV: w.previous(r.Key)})
	w.state[r.Key] = kv
	return response
}

func (w *twinWrite) deleteRange(r *DeleteRangeRequest) *DeleteRangeResponse {
	response := &DeleteRangeResponse{}
	for _, key := range slices.Sorted(maps.Keys(w.state)) {
		if !InRange(key, r.Key, r.RangeEnd) {
			continue
		}
		old := w.state[key]
		response.Deleted++
		if r.PrevKV {
			response.PrevKVs = append(response.PrevKVs, &old)
		}
		w.events = append(w.events, Event{
			Type: Delete, KV: &KeyValue{Key: key, ModRevision: w.revision}, PrevKV: w.previous(key),
		})
		delete(w.state, key)
	}
	response.Header.Revision = w.now()
	return response
}

func (t *twin) checkPut(r *PutRequest) error {
	if r.Lease != 0 && !t.leases[r.Lease] {
		return ErrLeaseNotFound
	}
	if _, exists := t.states[t.revision()][r.Key]; !exists && (r.IgnoreValue || r.IgnoreLease) {
		return ErrKeyNotFound
	}
	return nil
}

func (t *twin) Put(r *PutRequest) (response *PutResponse, err error) {
	if err := t.checkPut(r); err != nil {
		return nil, err
	}
	t.write(func(w *twinWrite) { response = w.put(r) })
	return response, nil
}

func (t *twin) DeleteRange(r *DeleteRangeRequest) (response *DeleteRangeResponse) {
	t.write(func(w *twinWrite) { response = w.deleteRange(r) })
	return response
}

func (t *twin) Range(r *RangeRequest) (*RangeResponse, error) {
	revision := r.Revision
	switch {
	case revision > t.revision():
		return nil, ErrFutureRev
	case revision <= 0:
		revision = t.revision()
	case revision < t.compacted:
		return nil, ErrCompacted
	}
	return rangeIn(t.states[revision], r, t.revision()), nil
}

func rangeIn(state map[string]KeyValue, r *RangeRequest, now int64) *RangeResponse {
	response := &RangeResponse{Header: Header{Revision: now}}
	for _, key := range slices.Sorted(maps.Keys(state)) {
		if !InRange(key, r.Key, r.RangeEnd) {
			continue
		}
		response.Count++
		kv := state[key]
		dropped := r.MinModRevision != 0 && kv.ModRevision < r.MinModRevision ||
			r.MaxModRevision != 0 && kv.ModRevision > r.MaxModRevision ||
			r.MinCreateRevision != 0 && kv.CreateRevision < r.MinCreateRevision ||
			r.MaxCreateRevision != 0 && kv.CreateRevision > r.MaxCreateRevision
		if !r.CountOnly && !dropped {
			response.KVs = append(response.KVs, &kv)
		}
	}
	if r.Limit > 0 && r.SortOrder == SortNone && !filtered(r) && len(response.KVs) > int(r.Limit) {
		response.KVs = response.KVs[:r.Limit+1] // etcd sorts by another field only what the limit let through.
	}
	sortKeyValues(response.KVs, r)
	if r.Limit > 0 && len(response.KVs) > int(r.Limit) {
		response.KVs, response.More = response.KVs[:r.Limit], true
	}
	if r.KeysOnly {
		for _, kv := range response.KVs {
			kv.Value = nil
		}
	}
	return response
}

func (t *twin) holds(c *Compare) bool {
	state := t.states[t.revision()]
	found, all := false, true
	for key, kv := range state {
		if InRange(key, c.Key, c.RangeEnd) {
			found = true
			all = all && c.matches(&kv)
		}
	}
	if !found {
		return c.Target != CompareValue && c.matches(&KeyValue{})
	}
	return all
}

func (t *twin) succeeds(r *TxnRequest) bool {
	for i := range r.Compare {
		if !t.holds(&r.Compare[i]) {
			return false
		}
	}
	return true
}

func (t *twin) checkTxn(r *TxnRequest) error {
	for _, op := range branch(r, t.succeeds(r)) {
		switch {
		case op.Range != nil:
			if rev := op.Range.Revision; rev > t.revision() {
				return ErrFutureRev
			} else if rev != 0 && rev < t.compacted {
				return ErrCompacted
			}
		case op.Put != nil:
			if err := t.checkPut(op.Put); err != nil {
				return err
			}
		case op.Txn != nil:
			if err := t.checkTxn(op.Txn); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *twin) Txn(r *TxnRequest) (response *TxnResponse, err error) {
	if err := t.checkTxn(r); err != nil {
		return nil, err
	}
	t.write(func(w *twinWrite) {
		response = t.execute(w, r)
		response.Header.Revision = w.now()
	})
	return response, nil
}

// execute can ask succeeds again for nested transactions: t itself does not change before write returns.
func (t *twin) execute(w *twinWrite, r *TxnRequest) *TxnResponse {
	response := &TxnResponse{Succeeded: t.succeeds(r)}
	for _, op := range branch(r, response.Succeeded) {
		var answer ResponseOp
		switch {
		case op.Range != nil:
			state := w.state
			if rev := op.Range.Revision; rev > 0 && rev <= t.revision() {
				state = t.states[rev]
			}
			answer.Range = rangeIn(state, op.Range, w.now())
		case op.Put != nil:
			answer.Put = w.put(op.Put)
		case op.DeleteRange != nil:
			answer.DeleteRange = w.deleteRange(op.DeleteRange)
		case op.Txn != nil:
			answer.Txn = t.execute(w, op.Txn)
		}
		response.Responses = append(response.Responses, answer)
	}
	return response
}

func (t *twin) Compact(revision int64) error {
	switch {
	case revision <= t.compacted:
		return ErrCompacted
	case revision > t.revision():
		return ErrFutureRev
	}
	t.compacted = revision
	return nil
}

// events returns all changes from a revision on, as a watcher with PrevKV sees them: the state before the compacted
// revision itself is gone.
func (t *twin) events(from int64) (all []Event) {
	for revision := max(from, 1); revision <= t.revision(); revision++ {
		for _, e := range t.changes[revision] {
			if revision <= t.compacted || e.IsCreate() {
				e.PrevKV = nil
			}
			all = append(all, e)
		}
	}
	return all
}
