package storage

import (
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// fake is a store in memory that answers when told to, in order.
type fake struct {
	kv      *mvcc.Store
	pending []func()
	grants  []int64 // seconds asked for
	fail    error   // answer of the next request
	sent    []string
}

type anyLease struct{}

func (anyLease) Exists(int64) bool    { return true }
func (anyLease) Attach(int64, string) {}
func (anyLease) Detach(int64, string) {}

func newFake() *fake { return &fake{kv: mvcc.New(anyLease{})} }

// run answers everything, also what the answers ask for.
func (f *fake) run() {
	for len(f.pending) > 0 {
		next := f.pending[0]
		f.pending = f.pending[1:]
		next()
	}
}

// step answers one request.
func (f *fake) step() {
	next := f.pending[0]
	f.pending = f.pending[1:]
	next()
}

func (f *fake) failing() error {
	err := f.fail
	f.fail = nil
	return err
}

func (f *fake) Range(r *mvcc.RangeRequest, done func(*mvcc.RangeResponse, error)) {
	f.sent = append(f.sent, "range")
	f.pending = append(f.pending, func() {
		if err := f.failing(); err != nil {
			done(nil, err)
			return
		}
		resp, err := f.kv.Range(r)
		if err == nil {
			resp.Header.Revision = f.kv.Revision()
		}
		done(resp, err)
	})
}

func (f *fake) Txn(r *mvcc.TxnRequest, done func(*mvcc.TxnResponse, error)) {
	f.sent = append(f.sent, "txn")
	f.pending = append(f.pending, func() {
		if err := f.failing(); err != nil {
			done(nil, err)
			return
		}
		resp, err := f.kv.Txn(r, true)
		if err == nil {
			resp.Header.Revision = f.kv.Revision()
		}
		done(resp, err)
	})
}

func (f *fake) Grant(ttlSeconds int64, done func(int64, error)) {
	f.grants = append(f.grants, ttlSeconds)
	f.pending = append(f.pending, func() { done(int64(len(f.grants)), f.failing()) })
}
