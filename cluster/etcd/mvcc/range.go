package mvcc

import (
	"cmp"
	"math"
	"slices"
)

// Range reads keys at the newest revision or an old one.
func (s *Store) Range(r *RangeRequest) (*RangeResponse, error) {
	return s.rangeAt(r, s.revision)
}

// rangeAt reads keys; now is the revision that counts as the newest.
func (s *Store) rangeAt(r *RangeRequest, now int64) (*RangeResponse, error) {
	revision := r.Revision
	switch {
	case revision > now:
		return nil, ErrFutureRev
	case revision <= 0:
		revision = now
	case revision < s.FirstRevision():
		return nil, ErrCompacted
	}
	response := &RangeResponse{Header: Header{Revision: now}}
	s.fill(response, r, revision)
	if filtered(r) {
		response.KVs = slices.DeleteFunc(response.KVs, func(kv *KeyValue) bool { return !passes(r, kv) })
	}
	sortKeyValues(response.KVs, r)
	if r.Limit > 0 && int64(len(response.KVs)) > r.Limit {
		response.KVs, response.More = response.KVs[:r.Limit:r.Limit], true
	}
	if r.KeysOnly {
		dropValues(response.KVs)
	}
	return response, nil
}

// fill counts the keys of the range and gathers as many as may be needed.
func (s *Store) fill(response *RangeResponse, r *RangeRequest, revision int64) {
	if r.RangeEnd == "" {
		if newest := s.keys.get(r.Key); newest != nil {
			response.add(newest.living(revision), r.CountOnly)
		}
		return
	}
	enough := int64(math.MaxInt64)
	if r.Limit > 0 && !filtered(r) && !sorted(r) {
		enough = r.Limit + 1 // One more tells that there are more.
	}
	s.ascend(r.Key, r.RangeEnd, func(newest *Record) bool {
		response.add(newest.living(revision), r.CountOnly || response.Count >= enough)
		return true
	})
}

func (response *RangeResponse) add(r *Record, countOnly bool) {
	if r == nil {
		return
	}
	response.Count++
	if !countOnly {
		response.KVs = append(response.KVs, &r.KeyValue)
	}
}

func sorted(r *RangeRequest) bool {
	return r.SortTarget != SortByKey && r.SortOrder != SortNone ||
		r.SortTarget == SortByKey && r.SortOrder == SortDescend
}

func filtered(r *RangeRequest) bool {
	return r.MinModRevision != 0 || r.MaxModRevision != 0 || r.MinCreateRevision != 0 || r.MaxCreateRevision != 0
}

func passes(r *RangeRequest, kv *KeyValue) bool {
	return within(kv.ModRevision, r.MinModRevision, r.MaxModRevision) &&
		within(kv.CreateRevision, r.MinCreateRevision, r.MaxCreateRevision)
}

// within checks a bound pair of which 0 means none.
func within(n, low, high int64) bool {
	return (low == 0 || n >= low) && (high == 0 || n <= high)
}

// sortKeyValues sorts as asked; they come in order of keys. etcd's sort is not stable, ours is, which is one of the
// orders that etcd may give.
func sortKeyValues(kvs []*KeyValue, r *RangeRequest) {
	order := r.SortOrder
	if r.SortTarget != SortByKey && order == SortNone {
		order = SortAscend
	}
	if order == SortNone || r.SortTarget == SortByKey && order == SortAscend {
		return
	}
	slices.SortStableFunc(kvs, func(a, b *KeyValue) int {
		if order == SortDescend {
			a, b = b, a
		}
		return compareBy(r.SortTarget, a, b)
	})
}

func compareBy(target SortTarget, a, b *KeyValue) int {
	switch target {
	case SortByVersion:
		return cmp.Compare(a.Version, b.Version)
	case SortByCreateRevision:
		return cmp.Compare(a.CreateRevision, b.CreateRevision)
	case SortByModRevision:
		return cmp.Compare(a.ModRevision, b.ModRevision)
	case SortByValue:
		return compareValues(a.Value, b.Value)
	default:
		return cmp.Compare(a.Key, b.Key)
	}
}

// dropValues replaces the key values by copies without their values: the originals are shared.
func dropValues(kvs []*KeyValue) {
	bare := make([]KeyValue, len(kvs))
	for i, kv := range kvs {
		bare[i] = *kv
		bare[i].Value = nil
		kvs[i] = &bare[i]
	}
}
