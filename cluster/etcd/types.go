package etcd

import (
	"errors"

	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
)

// The vocabulary of the keyspace and of watches, under the names in which clients of the store use it.
type (
	Value     = mvcc.Value
	Bytes     = mvcc.Bytes
	KeyValue  = mvcc.KeyValue
	Event     = mvcc.Event
	EventType = mvcc.EventType
	Header    = mvcc.Header

	RangeRequest        = mvcc.RangeRequest
	RangeResponse       = mvcc.RangeResponse
	PutRequest          = mvcc.PutRequest
	PutResponse         = mvcc.PutResponse
	DeleteRangeRequest  = mvcc.DeleteRangeRequest
	DeleteRangeResponse = mvcc.DeleteRangeResponse
	Compare             = mvcc.Compare
	RequestOp           = mvcc.RequestOp
	ResponseOp          = mvcc.ResponseOp
	TxnRequest          = mvcc.TxnRequest
	TxnResponse         = mvcc.TxnResponse
	CompactionRequest   = mvcc.CompactionRequest
	CompactionResponse  = mvcc.CompactionResponse

	WatchRequest  = watch.Request
	WatchResponse = watch.Response
)

// Event types, the range end that means everything from a key on, and what a Compare looks at and asks for.
const (
	Put     = mvcc.Put
	Delete  = mvcc.Delete
	AllKeys = mvcc.AllKeys

	CompareVersion        = mvcc.CompareVersion
	CompareCreateRevision = mvcc.CompareCreateRevision
	CompareModRevision    = mvcc.CompareModRevision
	CompareValue          = mvcc.CompareValue
	CompareLease          = mvcc.CompareLease

	Equal    = mvcc.Equal
	Greater  = mvcc.Greater
	Less     = mvcc.Less
	NotEqual = mvcc.NotEqual
)

// LeaseGrantRequest asks for a lease; ID 0 lets the member choose.
type LeaseGrantRequest struct{ ID, TTLSeconds int64 }

// LeaseGrantResponse says what was granted.
type LeaseGrantResponse struct {
	Header         Header
	ID, TTLSeconds int64
}

// LeaseRevokeRequest ends a lease and deletes its keys.
type LeaseRevokeRequest struct{ ID int64 }

// LeaseRevokeResponse has the header alone.
type LeaseRevokeResponse struct{ Header Header }

// LeaseKeepAliveRequest renews a lease.
type LeaseKeepAliveRequest struct{ ID int64 }

// LeaseKeepAliveResponse says how long the lease lasts now; 0 where it does not exist any more.
type LeaseKeepAliveResponse struct {
	Header         Header
	ID, TTLSeconds int64
}

// LeaseTimeToLiveRequest asks about a lease.
type LeaseTimeToLiveRequest struct {
	ID   int64
	Keys bool
}

// LeaseTimeToLiveResponse describes a lease; TTLSeconds is -1 where it does not exist.
type LeaseTimeToLiveResponse struct {
	Header                            Header
	ID, TTLSeconds, GrantedTTLSeconds int64
	Keys                              []string
}

// LeaseLeasesRequest asks for the ids of all leases.
type LeaseLeasesRequest struct{}

// LeaseLeasesResponse lists the leases.
type LeaseLeasesResponse struct {
	Header Header
	IDs    []int64
}

// Errors in etcd's words (api/v3rpc/rpctypes/error.go).
var (
	ErrCompacted     = mvcc.ErrCompacted
	ErrFutureRev     = mvcc.ErrFutureRev
	ErrKeyNotFound   = mvcc.ErrKeyNotFound
	ErrLeaseNotFound = mvcc.ErrLeaseNotFound
	ErrLeaseExists   = lease.ErrExists

	ErrNoLeader        = errors.New("etcdserver: no leader")
	ErrNotLeader       = errors.New("etcdserver: not leader")
	ErrLeaderChanged   = errors.New("etcdserver: leader changed")
	ErrTimeout         = errors.New("etcdserver: request timed out")
	ErrStopped         = errors.New("etcdserver: server stopped")
	ErrTooManyRequests = errors.New("etcdserver: too many requests")
	ErrRequestTooLarge = errors.New("etcdserver: request is too large")
	ErrNoSpace         = errors.New("etcdserver: mvcc: database space exceeded")
	ErrCorrupt         = errors.New("etcdserver: corrupt cluster")

	ErrTimeoutDueToLeaderFail     = errors.New("etcdserver: request timed out, possibly due to previous leader failure")
	ErrTimeoutDueToConnectionLost = errors.New("etcdserver: request timed out, possibly due to connection lost")
)
