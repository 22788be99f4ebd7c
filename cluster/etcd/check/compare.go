package check

import (
	"fmt"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/etcd"
)

// equalKV compares two states; nil is none.
func equalKV(a, b *etcd.KeyValue) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func equalKVs(a, b []*etcd.KeyValue) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equalKV(a[i], b[i]) {
			return false
		}
	}
	return true
}

// equalAnswers compares two answers of the same type, but for what is the member's own: its id and its term.
func equalAnswers(a, b any) bool {
	switch a := a.(type) {
	case *etcd.PutResponse:
		b := b.(*etcd.PutResponse)
		return a.Header.Revision == b.Header.Revision && equalKV(a.PrevKV, b.PrevKV)
	case *etcd.DeleteRangeResponse:
		b := b.(*etcd.DeleteRangeResponse)
		return a.Header.Revision == b.Header.Revision && a.Deleted == b.Deleted && equalKVs(a.PrevKVs, b.PrevKVs)
	case *etcd.RangeResponse:
		b := b.(*etcd.RangeResponse)
		return a.Header.Revision == b.Header.Revision && a.Count == b.Count && a.More == b.More && equalKVs(a.KVs, b.KVs)
	case *etcd.TxnResponse:
		return equalTxns(a, b.(*etcd.TxnResponse))
	default:
		panic(fmt.Sprintf("check: no way to compare a %T", a))
	}
}

// equalTxns compares the outcome and all answers. Those inside of a transaction have no revision of their own that
// matters.
func equalTxns(a, b *etcd.TxnResponse) bool {
	if a.Header.Revision != b.Header.Revision || a.Succeeded != b.Succeeded || len(a.Responses) != len(b.Responses) {
		return false
	}
	for i := range a.Responses {
		if !equalOps(&a.Responses[i], &b.Responses[i]) {
			return false
		}
	}
	return true
}

func equalOps(a, b *etcd.ResponseOp) bool {
	switch {
	case a.Range != nil && b.Range != nil:
		return equalAnswers(a.Range, b.Range)
	case a.Put != nil && b.Put != nil:
		return equalAnswers(a.Put, b.Put)
	case a.DeleteRange != nil && b.DeleteRange != nil:
		return equalAnswers(a.DeleteRange, b.DeleteRange)
	case a.Txn != nil && b.Txn != nil:
		return equalTxns(a.Txn, b.Txn)
	default:
		return false
	}
}

func describeKV(kv *etcd.KeyValue) string {
	if kv == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s=%v (created %d, modified %d, version %d, lease %x)", kv.Key, kv.Value, kv.CreateRevision, kv.ModRevision, kv.Version, kv.Lease)
}

func describeEvent(e *etcd.Event) string {
	return fmt.Sprintf("%v %s after %s", e.Type, describeKV(e.KV), describeKV(e.PrevKV))
}

// describe says what a request or an answer is, in a line.
func describe(x any) string {
	switch x := x.(type) {
	case nil:
		return "no request"
	case *etcd.PutRequest:
		return fmt.Sprintf("put %s=%v", x.Key, x.Value)
	case *etcd.DeleteRangeRequest:
		return "delete " + interval(x.Key, x.RangeEnd)
	case *etcd.RangeRequest:
		sort := "linearizable"
		if x.Serializable {
			sort = "serializable"
		}
		return fmt.Sprintf("%s read of %s at %d", sort, interval(x.Key, x.RangeEnd), x.Revision)
	case *etcd.TxnRequest:
		return fmt.Sprintf("transaction of %d comparisons", len(x.Compare))
	case *etcd.RangeResponse:
		var all []string
		for _, kv := range x.KVs {
			all = append(all, describeKV(kv))
		}
		return fmt.Sprintf("%d keys at revision %d: %s", x.Count, x.Header.Revision, strings.Join(all, ", "))
	case *etcd.PutResponse:
		return fmt.Sprintf("revision %d after %s", x.Header.Revision, describeKV(x.PrevKV))
	case *etcd.DeleteRangeResponse:
		return fmt.Sprintf("%d deleted at revision %d", x.Deleted, x.Header.Revision)
	case *etcd.TxnResponse:
		return fmt.Sprintf("succeeded %v at revision %d with %d answers", x.Succeeded, x.Header.Revision, len(x.Responses))
	default:
		return fmt.Sprintf("%T", x)
	}
}

func interval(key, end string) string {
	switch end {
	case "":
		return key
	case etcd.AllKeys:
		return fmt.Sprintf("[%q, end)", key)
	default:
		return fmt.Sprintf("[%q, %q)", key, end)
	}
}
