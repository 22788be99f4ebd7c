package mvcc

import (
	"errors"
	"fmt"
	"testing"
)

func putOp(key string) RequestOp { return RequestOp{Put: &PutRequest{Key: key}} }

func deleteOp(key, end string) RequestOp {
	return RequestOp{DeleteRange: &DeleteRangeRequest{Key: key, RangeEnd: end}}
}

func txnOp(then, otherwise []RequestOp) RequestOp {
	return RequestOp{Txn: &TxnRequest{Success: then, Failure: otherwise}}
}

func puts(n int) (all []RequestOp) {
	for i := range n {
		all = append(all, putOp(fmt.Sprint(i)))
	}
	return all
}

// What a request may not say, whatever is in the store.
func TestRequestsAreCheckedBeforeAgreement(t *testing.T) {
	keeps := RequestOp{Put: &PutRequest{Key: "a", IgnoreLease: true}}
	tests := []struct {
		name string
		ops  []RequestOp
		want error
	}{
		{"128 operations", puts(128), nil},
		{"129 operations", puts(129), ErrTooManyOps},
		{"127 and a nested one", append(puts(126), txnOp(puts(1), nil)), ErrDuplicateKey},
		{"a nested one beside 127 others", append(puts(127)[1:], txnOp(puts(1), nil)), nil},
		{"two nested ones beside 127 others", append(puts(127)[2:], deleteOp("x", ""), txnOp([]RequestOp{putOp("x1"), putOp("x2")}, nil)), ErrTooManyOps},
		{"a key twice", []RequestOp{putOp("a"), putOp("a")}, ErrDuplicateKey},
		{"a key put and deleted", []RequestOp{deleteOp("a", ""), putOp("a")}, ErrDuplicateKey},
		{"a key put and deleted, the other way round", []RequestOp{putOp("a"), deleteOp("a", "")}, ErrDuplicateKey},
		{"a key put into a range that is deleted", []RequestOp{putOp("b"), deleteOp("a", "c")}, ErrDuplicateKey},
		{"a key put behind a range that is deleted", []RequestOp{putOp("c"), deleteOp("a", "c")}, nil},
		{"a key deleted twice", []RequestOp{deleteOp("a", ""), deleteOp("a", "c")}, nil},
		{"a key read and put", []RequestOp{{Range: &RangeRequest{Key: "a"}}, putOp("a")}, nil},
		{"a key put here and in a branch", []RequestOp{putOp("a"), txnOp(nil, []RequestOp{putOp("a")})}, ErrDuplicateKey},
		{"a key put in both branches", []RequestOp{txnOp([]RequestOp{putOp("a")}, []RequestOp{putOp("a")})}, nil},
		{"a key put in two transactions", []RequestOp{txnOp([]RequestOp{putOp("a")}, nil), txnOp([]RequestOp{putOp("a")}, nil)}, ErrDuplicateKey},
		{"a key put here and deleted in a branch", []RequestOp{putOp("a"), txnOp([]RequestOp{deleteOp("a", "")}, nil)}, ErrDuplicateKey},
		{"a key kept beside the deletion of everything", []RequestOp{keeps, deleteOp("a", AllKeys)}, ErrDuplicateKey},
		{"no key to put", []RequestOp{putOp("")}, ErrEmptyKey},
		{"no key to delete", []RequestOp{deleteOp("", "")}, ErrEmptyKey},
		{"no key to read", []RequestOp{{Range: &RangeRequest{}}}, ErrEmptyKey},
		{"nothing", []RequestOp{{}}, ErrKeyNotFound},
		{"a value to ignore", []RequestOp{{Put: &PutRequest{Key: "a", Value: Bytes("x"), IgnoreValue: true}}}, ErrValueProvided},
		{"a lease to ignore", []RequestOp{{Put: &PutRequest{Key: "a", Lease: 1, IgnoreLease: true}}}, ErrLeaseProvided},
		{"an unknown order", []RequestOp{{Range: &RangeRequest{Key: "a", SortOrder: 3}}}, ErrInvalidSort},
		{"an unknown field to sort by", []RequestOp{{Range: &RangeRequest{Key: "a", SortTarget: 5}}}, ErrInvalidSort},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, r := range []*TxnRequest{{Success: test.ops}, {Failure: test.ops}} {
				if err := r.Check(128); !errors.Is(err, test.want) {
					t.Errorf("%v instead of %v", err, test.want)
				}
			}
		})
	}
	compares := &TxnRequest{Compare: make([]Compare, 129)}
	if err := compares.Check(128); !errors.Is(err, ErrTooManyOps) {
		t.Errorf("129 comparisons: %v", err)
	}
	if err := (&TxnRequest{Compare: []Compare{{}}}).Check(128); !errors.Is(err, ErrEmptyKey) {
		t.Errorf("a comparison without a key: %v", err)
	}
}
