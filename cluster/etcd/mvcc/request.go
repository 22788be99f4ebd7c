package mvcc

// Header goes with every response. The keyspace fills in the revision, the member the rest.
type Header struct {
	ClusterID, MemberID uint64
	Revision            int64
	RaftTerm            uint64
}

// AllKeys as RangeEnd means every key from Key on; with Key "\x00" the whole keyspace.
const AllKeys = "\x00"

// SortTarget is the field that a range is sorted by.
type SortTarget uint8

// Sort targets.
const (
	SortByKey SortTarget = iota
	SortByVersion
	SortByCreateRevision
	SortByModRevision
	SortByValue
)

// SortOrder is the direction of a sort.
type SortOrder uint8

// Sort orders. SortNone with a target other than the key means ascending.
const (
	SortNone SortOrder = iota
	SortAscend
	SortDescend
)

// RangeRequest reads one key (RangeEnd empty) or the keys in [Key, RangeEnd).
type RangeRequest struct {
	Key, RangeEnd string
	Limit         int64 // 0 is none.
	Revision      int64 // 0 is the newest.
	SortOrder     SortOrder
	SortTarget    SortTarget
	// Serializable reads what this member has applied; otherwise the read is linearizable.
	Serializable                         bool
	KeysOnly, CountOnly                  bool
	MinModRevision, MaxModRevision       int64
	MinCreateRevision, MaxCreateRevision int64
}

// RangeResponse holds the keys in order. Count is the number of keys in the range whatever the limit and the filters.
type RangeResponse struct {
	Header Header
	KVs    []*KeyValue
	More   bool
	Count  int64
}

// PutRequest writes one key.
type PutRequest struct {
	Key         string
	Value       Value
	Lease       int64
	PrevKV      bool
	IgnoreValue bool // Keep the value, change only the lease.
	IgnoreLease bool // Keep the lease.
}

// PutResponse carries the state before, if asked for.
type PutResponse struct {
	Header Header
	PrevKV *KeyValue
}

// DeleteRangeRequest deletes one key (RangeEnd empty) or the keys in [Key, RangeEnd).
type DeleteRangeRequest struct {
	Key, RangeEnd string
	PrevKV        bool
}

// DeleteRangeResponse counts what was deleted.
type DeleteRangeResponse struct {
	Header  Header
	Deleted int64
	PrevKVs []*KeyValue
}

// CompareTarget is the field that a Compare looks at.
type CompareTarget uint8

// Compare targets.
const (
	CompareVersion CompareTarget = iota
	CompareCreateRevision
	CompareModRevision
	CompareValue
	CompareLease
)

// CompareResult is the relation that a Compare asks for.
type CompareResult uint8

// Compare results.
const (
	Equal CompareResult = iota
	Greater
	Less
	NotEqual
)

// Compare is one condition of a transaction. With RangeEnd it must hold for every key of the range. A key that does
// not exist has 0 in every number, and fails any comparison of its value.
type Compare struct {
	Target        CompareTarget
	Result        CompareResult
	Key, RangeEnd string
	Number        int64 // For all targets but the value.
	Value         Value // For CompareValue.
}

// RequestOp is one operation of a transaction: exactly one field is set.
type RequestOp struct {
	Range       *RangeRequest
	Put         *PutRequest
	DeleteRange *DeleteRangeRequest
	Txn         *TxnRequest
}

// TxnRequest does Success if all of Compare hold, Failure otherwise, atomically and in one revision.
type TxnRequest struct {
	Compare          []Compare
	Success, Failure []RequestOp
}

// ResponseOp answers a RequestOp: the same field is set.
type ResponseOp struct {
	Range       *RangeResponse
	Put         *PutResponse
	DeleteRange *DeleteRangeResponse
	Txn         *TxnResponse
}

// TxnResponse answers a TxnRequest; Responses belong to the branch that ran.
type TxnResponse struct {
	Header    Header
	Succeeded bool
	Responses []ResponseOp
}

// CompactionRequest drops the history before Revision. Physical answers only when it is done.
type CompactionRequest struct {
	Revision int64
	Physical bool
}

// CompactionResponse has the header alone.
type CompactionResponse struct {
	Header Header
}

// IsReadOnly reports whether every operation is a range; such a transaction needs no agreement. As in etcd a nested
// transaction counts as a write.
func (r *TxnRequest) IsReadOnly() bool {
	return allOps(r.Success, isRange) && allOps(r.Failure, isRange)
}

// IsSerializable reports whether every operation is a serializable range.
func (r *TxnRequest) IsSerializable() bool {
	return allOps(r.Success, isSerializable) && allOps(r.Failure, isSerializable)
}

func isRange(op *RequestOp) bool        { return op.Range != nil }
func isSerializable(op *RequestOp) bool { return op.Range != nil && op.Range.Serializable }

func allOps(ops []RequestOp, holds func(*RequestOp) bool) bool {
	for i := range ops {
		if !holds(&ops[i]) {
			return false
		}
	}
	return true
}
