package oracle

import (
	"fmt"
	"slices"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"pgregory.net/rapid"
)

// state is what the answers so far tell, to draw operations that reach something.
type state struct {
	revision, compacted int64
	compactions         map[int64]bool
	// alarms are those that were raised and not lowered.
	alarms []*pb.AlarmRequest
	// added counts the learners that were ever to be added.
	added int
}

// Keys and the ends of ranges. Empty keys are refused; an end may lie before the key, or cut a key in two.
var (
	keys = rapid.SampledFrom([]string{"a", "b", "c", "d", "aa", "a/1", "a/2", "b/1"})
	ends = rapid.SampledFrom([]string{"", "", "b", "c", "a0", "a/2", "z", "\x00", "\x00", "a"})
	ids  = rapid.Int64Range(1, 4)
)

// chance is true in one of n cases; shrinking makes it false.
func chance(t *rapid.T, n int, label string) bool {
	return rapid.IntRange(0, n-1).Draw(t, label) == n-1
}

func (s *state) key(t *rapid.T) []byte {
	switch {
	case chance(t, 60, "empty"):
		return nil
	case chance(t, 15, "first"):
		return []byte{0}
	}
	return []byte(keys.Draw(t, "key"))
}

func (s *state) end(t *rapid.T) []byte {
	if chance(t, 2, "range") {
		return []byte(ends.Draw(t, "end"))
	}
	return nil
}

// around is a revision in the neighbourhood of the present one or of the last compaction.
func (s *state) around(t *rapid.T, label string) int64 {
	switch rapid.IntRange(0, 9).Draw(t, label) {
	case 0, 1, 2, 3, 4:
		return max(s.revision-rapid.Int64Range(0, 15).Draw(t, "back"), 0)
	case 5:
		return s.revision + rapid.Int64Range(0, 2).Draw(t, "ahead")
	case 6, 7:
		return max(s.compacted+rapid.Int64Range(-1, 2).Draw(t, "compacted"), -1)
	case 8:
		return -rapid.Int64Range(1, 3).Draw(t, "negative")
	default:
		return rapid.Int64Range(0, 3).Draw(t, "small")
	}
}

// sometimes is a revision for a field that is mostly left alone.
func (s *state) sometimes(t *rapid.T, label string) int64 {
	if chance(t, 6, label) {
		return s.around(t, label)
	}
	return 0
}

// value is a short value that was or was not used before; one in two hundred is larger than a request may be.
func (s *state) value(t *rapid.T) []byte {
	if chance(t, 200, "too large") {
		return []byte(strings.Repeat("x", maxRequestBytes+1000))
	}
	return []byte(rapid.SampledFrom([]string{"", "1", "2", "3", "10", "long value"}).Draw(t, "value"))
}

func (s *state) lease(t *rapid.T) int64 {
	if chance(t, 3, "leased") {
		return ids.Draw(t, "lease")
	}
	return 0
}

func (s *state) get(t *rapid.T) *pb.RangeRequest {
	r := &pb.RangeRequest{
		Key: s.key(t), RangeEnd: s.end(t), Revision: s.sometimes(t, "revision"), Serializable: chance(t, 3, "serializable"),
		KeysOnly: chance(t, 6, "keys only"), CountOnly: chance(t, 8, "count only"),
		MinModRevision: s.sometimes(t, "min mod"), MaxModRevision: s.sometimes(t, "max mod"),
		MinCreateRevision: s.sometimes(t, "min create"), MaxCreateRevision: s.sometimes(t, "max create"),
	}
	if chance(t, 3, "limited") {
		r.Limit = rapid.Int64Range(-1, 4).Draw(t, "limit")
	}
	if chance(t, 3, "sorted") {
		r.SortOrder = pb.RangeRequest_SortOrder(rapid.IntRange(0, 2).Draw(t, "order"))
		r.SortTarget = pb.RangeRequest_SortTarget(rapid.IntRange(0, 4).Draw(t, "target"))
	}
	if chance(t, 60, "bad sort") {
		r.SortOrder, r.SortTarget = 3*pb.RangeRequest_SortOrder(rapid.IntRange(0, 1).Draw(t, "order")), 5
	}
	return r
}

func (s *state) put(t *rapid.T) *pb.PutRequest {
	r := &pb.PutRequest{Key: s.key(t), Value: s.value(t), Lease: s.lease(t), PrevKv: chance(t, 3, "previous")}
	if chance(t, 8, "ignore value") {
		r.IgnoreValue = true
		if !chance(t, 6, "nevertheless") {
			r.Value = nil
		}
	}
	if chance(t, 8, "ignore lease") {
		r.IgnoreLease = true
		if !chance(t, 6, "nevertheless") {
			r.Lease = 0
		}
	}
	return r
}

func (s *state) delete(t *rapid.T) *pb.DeleteRangeRequest {
	return &pb.DeleteRangeRequest{Key: s.key(t), RangeEnd: s.end(t), PrevKv: chance(t, 2, "previous")}
}

func (s *state) compare(t *rapid.T) *pb.Compare {
	c := &pb.Compare{
		Key: s.key(t), Result: pb.Compare_CompareResult(rapid.IntRange(0, 3).Draw(t, "result")),
		Target: pb.Compare_CompareTarget(rapid.IntRange(0, 4).Draw(t, "target")),
	}
	if chance(t, 4, "range") {
		c.RangeEnd = []byte(ends.Draw(t, "end"))
	}
	switch c.Target {
	case pb.Compare_VERSION:
		c.TargetUnion = &pb.Compare_Version{Version: rapid.Int64Range(0, 3).Draw(t, "version")}
	case pb.Compare_CREATE:
		c.TargetUnion = &pb.Compare_CreateRevision{CreateRevision: s.around(t, "create")}
	case pb.Compare_MOD:
		c.TargetUnion = &pb.Compare_ModRevision{ModRevision: s.around(t, "mod")}
	case pb.Compare_VALUE:
		c.TargetUnion = &pb.Compare_Value{Value: s.value(t)}
	case pb.Compare_LEASE:
		c.TargetUnion = &pb.Compare_Lease{Lease: rapid.Int64Range(0, 4).Draw(t, "lease")}
	}
	return c
}

// txn draws a transaction. Within depth its branches may hold transactions.
func (s *state) txn(t *rapid.T, depth int) *pb.TxnRequest {
	r := &pb.TxnRequest{}
	for range rapid.IntRange(0, 2).Draw(t, "comparisons") {
		r.Compare = append(r.Compare, s.compare(t))
	}
	most := 3
	if chance(t, 60, "many") {
		most = maxTxnOps + 2
	}
	for range rapid.IntRange(0, most).Draw(t, "then") {
		r.Success = append(r.Success, s.op(t, depth))
	}
	for range rapid.IntRange(0, most).Draw(t, "else") {
		r.Failure = append(r.Failure, s.op(t, depth))
	}
	return r
}

// defuse takes what would make etcd panic out of a transaction (differences_test.go): puts that keep something beside
// the deletion of everything from a key on.
func defuse(r *pb.TxnRequest) *pb.TxnRequest {
	opens := false
	var puts []*pb.PutRequest
	var visit func(*pb.TxnRequest)
	visit = func(r *pb.TxnRequest) {
		for _, op := range slices.Concat(r.Success, r.Failure) {
			switch q := op.Request.(type) {
			case *pb.RequestOp_RequestDeleteRange:
				opens = opens || string(q.RequestDeleteRange.RangeEnd) == "\x00"
			case *pb.RequestOp_RequestPut:
				puts = append(puts, q.RequestPut)
			case *pb.RequestOp_RequestTxn:
				visit(q.RequestTxn)
			}
		}
	}
	visit(r)
	for _, p := range puts {
		if opens {
			p.IgnoreValue, p.IgnoreLease = false, false
		}
	}
	return r
}

func (s *state) op(t *rapid.T, depth int) *pb.RequestOp {
	switch kind := rapid.IntRange(0, 40).Draw(t, "operation"); {
	case kind == 40:
		return &pb.RequestOp{}
	case kind >= 33 && depth > 0:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: s.txn(t, depth-1)}}
	case kind >= 22:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: s.get(t)}}
	case kind >= 16:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: s.delete(t)}}
	default:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: s.put(t)}}
	}
}

// leases draws a request about leases. Their times are long: nothing expires while a test runs.
func (s *state) leases(t *rapid.T) message {
	id := ids.Draw(t, "id")
	if chance(t, 10, "no id") {
		id = 0 // To be chosen by the store in a grant, which is a test of its own (grantAny); here no lease has it.
	}
	switch rapid.IntRange(0, 7).Draw(t, "lease request") {
	case 0, 1, 2:
		ttl := rapid.SampledFrom([]int64{5000, 6000, 9_000_000_000, 9_000_000_001}).Draw(t, "ttl")
		return &pb.LeaseGrantRequest{ID: max(id, 1), TTL: ttl}
	case 3:
		return &pb.LeaseRevokeRequest{ID: id}
	case 4, 5:
		return &pb.LeaseTimeToLiveRequest{ID: id, Keys: rapid.Bool().Draw(t, "keys")}
	case 6:
		return &pb.LeaseKeepAliveRequest{ID: id}
	default:
		return &pb.LeaseLeasesRequest{}
	}
}

// alarm draws a request about alarms: space runs out, the store is corrupt, and soon is well again.
func (s *state) alarm(t *rapid.T) message {
	member := uint64(rapid.IntRange(0, 2).Draw(t, "member"))
	kind := pb.AlarmType(rapid.IntRange(0, 2).Draw(t, "alarm"))
	switch last := len(s.alarms) - 1; {
	case chance(t, 4, "list"):
		return &pb.AlarmRequest{Action: pb.AlarmRequest_GET, Alarm: kind}
	case last >= 0 && !chance(t, 4, "another"):
		r := s.alarms[last]
		s.alarms = s.alarms[:last]
		return &pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: r.MemberID, Alarm: r.Alarm}
	case chance(t, 4, "absent"):
		return &pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: member, Alarm: kind}
	default:
		r := &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE, MemberID: member, Alarm: kind}
		s.alarms = append(s.alarms, r)
		return r
	}
}

// membership draws a request about members. Learners 1 to 3 come and go without ever being started; a voter is not added,
// since the real store of one member could not agree on anything after that. Requests name members by these numbers, of
// which each store knows what they stand for.
func (s *state) membership(t *rapid.T) message {
	id := rapid.SampledFrom([]uint64{1, 1, 2, 3, voter, stranger}).Draw(t, "member")
	switch rapid.IntRange(0, 6).Draw(t, "member request") {
	case 0, 1, 2:
		// Nobody listens there. The second address makes the id a new one: etcd draws it from the addresses and the second.
		s.added++
		urls := []string{fmt.Sprintf("http://127.0.0.1:%d", min(id, 3)), fmt.Sprintf("http://127.0.0.2:%d", s.added)}
		return &pb.MemberAddRequest{PeerURLs: urls, IsLearner: true}
	case 3:
		if id == voter {
			id = stranger
		}
		return &pb.MemberRemoveRequest{ID: id}
	case 4:
		return &pb.MemberPromoteRequest{ID: id}
	default:
		return &pb.MemberListRequest{Linearizable: rapid.Bool().Draw(t, "linearizable")}
	}
}

// Members by number: one that votes, and one that has never been.
const (
	voter    = 8
	stranger = 9
)

// hash asks for the hash of the keyspace, but not at a revision that was compacted at: of the last ten etcd remembers the
// hash and tells that, with the compaction before (differences_test.go).
func (s *state) hash(t *rapid.T) message {
	r := &pb.HashKVRequest{Revision: s.around(t, "revision")}
	if s.compactions[r.Revision] || s.compactions[s.revision] && r.Revision == 0 {
		r.Revision = s.revision + 1
	}
	return r
}

// request draws what is done next.
func (s *state) request(t *rapid.T) message {
	switch kind := rapid.IntRange(0, 99).Draw(t, "request"); {
	case kind == 99 || len(s.alarms) > 0 && kind > 80:
		return s.alarm(t)
	case kind >= 98 || kind == 96 || kind == 95:
		return s.membership(t)
	case kind == 97:
		return s.hash(t)
	case kind >= 92:
		return &pb.CompactionRequest{Revision: s.around(t, "compaction"), Physical: rapid.Bool().Draw(t, "physical")}
	case kind >= 80:
		return s.leases(t)
	case kind >= 55:
		return defuse(s.txn(t, 2))
	case kind >= 45:
		return s.delete(t)
	case kind >= 20:
		return s.put(t)
	default:
		return s.get(t)
	}
}

// watch draws a watch.
func (s *state) watch(t *rapid.T) *pb.WatchCreateRequest {
	r := &pb.WatchCreateRequest{
		Key: s.key(t), RangeEnd: s.end(t), PrevKv: chance(t, 2, "previous"), ProgressNotify: chance(t, 3, "progress"),
		Fragment: chance(t, 3, "fragment"),
	}
	if chance(t, 3, "everything") {
		r.Key, r.RangeEnd = []byte{0}, []byte{0}
	}
	if !chance(t, 3, "from now on") {
		r.StartRevision = s.around(t, "start")
	}
	for _, f := range []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NOPUT, pb.WatchCreateRequest_NODELETE} {
		if chance(t, 5, "filter") {
			r.Filters = append(r.Filters, f)
		}
	}
	return r
}
