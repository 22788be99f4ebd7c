package mvcc

import "errors"

// The errors of the keyspace, in the words in which etcd's clients see them (api/v3rpc/rpctypes/error.go).
var (
	ErrCompacted     = errors.New("etcdserver: mvcc: required revision has been compacted")
	ErrFutureRev     = errors.New("etcdserver: mvcc: required revision is a future revision")
	ErrEmptyKey      = errors.New("etcdserver: key is not provided")
	ErrKeyNotFound   = errors.New("etcdserver: key not found")
	ErrValueProvided = errors.New("etcdserver: value is provided")
	ErrLeaseProvided = errors.New("etcdserver: lease is provided")
	ErrTooManyOps    = errors.New("etcdserver: too many operations in txn request")
	ErrDuplicateKey  = errors.New("etcdserver: duplicate key given in txn request")
	ErrInvalidSort   = errors.New("etcdserver: invalid sort option")
	ErrLeaseNotFound = errors.New("etcdserver: requested lease not found")
)
