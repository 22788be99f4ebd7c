package etcd

import (
	"errors"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/failpoints"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Client talks to a store through its members' client addresses. Requests go to the first endpoint that works: kubeadm
// gives an API server the member on its own machine. One that was never sent is sent to the next endpoint, and
// what can be asked twice is asked again when it has failed: what etcd's own client repeats (client/v3/retry.go), which is
// everything but writes of keys, compactions and changes of the membership. Callbacks run in events of their own. A write
// that ends with a connection's error may have taken effect, or still may.
type Client struct {
	process *host.Process
	methods *methods
	draws   *sim.Stream
	kind    sim.Kind
	ends    []*endpoint
	next    int
	// InTurn sends requests to the endpoints one after the other, as etcd's client with several endpoints does.
	InTurn bool
	// writeRetried is a planted bug.
	writeRetried bool
	// Timeout bounds each request; 0 leaves it to the members, which answer within 7 s, and to the connection.
	Timeout time.Duration
}

type endpoint struct {
	conn     *network.Conn
	failed   bool
	failedAt sim.Monotonic
	probing  bool
}

// Retries of etcd's client (client/v3/options.go): up to 100, 25 ms apart with a jitter of a tenth; an endpoint that has
// failed is left out for a second if there is another one (gRPC's first back-off).
const (
	maxRetries   = 100
	retryWait    = 25 * time.Millisecond
	endpointRest = time.Second
)

// NewClient returns a client of a process for the members at the given addresses.
func NewClient(p *host.Process, n *network.Network, endpoints []network.Address) *Client {
	c := &Client{
		process: p, methods: methodsOf(n), draws: p.Stream("etcd/client/" + p.Name()),
		kind: p.Kind("etcd.client.retry", retryCall), writeRetried: failpoints.Planted(p, writeRetried),
	}
	for _, a := range endpoints {
		c.ends = append(c.ends, &endpoint{conn: n.DialWith(p, a, network.EtcdClient())})
	}
	return c
}

// pick chooses the endpoint of the next request: the first that has not failed; if all have, the next one.
func (c *Client) pick() *endpoint {
	first := 0
	if c.InTurn {
		first = c.next
		c.next++
	}
	for i := range c.ends {
		e := c.ends[(first+i)%len(c.ends)]
		if !e.failed {
			return e
		}
		e.probe(c)
	}
	e := c.ends[c.next%len(c.ends)]
	c.next++
	return e
}

func (e *endpoint) fail(c *Client) { e.failed, e.failedAt = true, c.process.Monotonic() }

// probe finds out whether an endpoint that has failed works again, once a second while there are requests.
func (e *endpoint) probe(c *Client) {
	if e.probing || c.process.Monotonic().Sub(e.failedAt) < endpointRest {
		return
	}
	e.probing = true
	e.conn.Call(c.methods.status, &StatusRequest{}, commandBytes, 0, func(_ any, err error) {
		e.probing = false
		if err == nil {
			e.failed = false
		} else {
			e.fail(c)
		}
	})
}

// call is a request under way.
type call[R any] struct {
	client     *Client
	endpoint   *endpoint
	method     network.Method
	payload    any
	size       int
	repeatable bool
	attempts   int
	done       func(*R, error)
}

// retrier is a call of whatever answer.
type retrier interface{ start() }

func retryCall(_ uint64, ref any) { ref.(retrier).start() }

func request[R any](c *Client, m network.Method, payload any, size int, repeatable bool, done func(*R, error)) {
	x := &call[R]{client: c, method: m, payload: payload, size: size, repeatable: repeatable, done: done}
	x.start()
}

func (x *call[R]) start() {
	x.endpoint = x.client.pick()
	x.endpoint.conn.Call(x.method, x.payload, x.size, x.client.Timeout, func(answer any, err error) { x.finish(answer, err) })
}

func (x *call[R]) finish(answer any, err error) {
	if err == nil {
		response, _ := answer.(*R)
		x.done(response, nil)
		return
	}
	if broken(err) {
		x.endpoint.fail(x.client)
	}
	if x.attempts++; x.attempts > maxRetries || !neverSent(err) && !((x.repeatable || x.client.writeRetried) && passes(err)) {
		x.done(nil, err)
		return
	}
	wait := time.Duration(0)
	if x.attempts%len(x.client.ends) == 0 { // Every endpoint has had its turn.
		wait = retryWait - retryWait/10 + time.Duration(x.client.draws.Int63n(purposeClient, int64(retryWait/5)))
	}
	x.client.process.At(wait, 0, x.client.kind, uint64(x.method), x)
}

// neverSent reports errors after which the request cannot have had an effect.
func neverSent(err error) bool {
	return errors.Is(err, network.ErrRefused) || errors.Is(err, network.ErrUnreachable) || errors.Is(err, ErrStopped)
}

// broken reports errors that say something about the endpoint.
func broken(err error) bool { return neverSent(err) || errors.Is(err, network.ErrReset) }

// unavailable are the errors to which etcd gives that code (api/v3rpc/rpctypes/error.go): they will be over soon.
var unavailable = []error{
	network.ErrReset, ErrNoLeader, ErrLeaderChanged, ErrStopped, ErrTimeout, ErrTimeoutDueToLeaderFail, ErrTimeoutDueToConnectionLost,
	ErrTimeoutLeaderTransfer, ErrUnhealthy,
}

func passes(err error) bool {
	return slices.ContainsFunc(unavailable, func(known error) bool { return errors.Is(err, known) })
}

// Range reads keys.
func (c *Client) Range(r *RangeRequest, done func(*RangeResponse, error)) {
	request(c, c.methods.get, r, r.SizeBytes(), true, done)
}

// Put writes a key.
func (c *Client) Put(r *PutRequest, done func(*PutResponse, error)) {
	request(c, c.methods.put, r, r.SizeBytes(), false, done)
}

// Delete deletes keys.
func (c *Client) Delete(r *DeleteRangeRequest, done func(*DeleteRangeResponse, error)) {
	request(c, c.methods.delete, r, r.SizeBytes(), false, done)
}

// Txn runs a transaction.
func (c *Client) Txn(r *TxnRequest, done func(*TxnResponse, error)) {
	request(c, c.methods.txn, r, r.SizeBytes(), false, done)
}

// Compact drops the history before a revision.
func (c *Client) Compact(revision int64, done func(error)) {
	r := &CompactionRequest{Revision: revision}
	request(c, c.methods.compact, r, commandBytes, false, func(_ *CompactionResponse, err error) { done(err) })
}

// LeaseGrant makes a lease of a time in seconds; id 0 lets the store choose.
func (c *Client) LeaseGrant(id, ttlSeconds int64, done func(*LeaseGrantResponse, error)) {
	request(c, c.methods.grant, &LeaseGrantRequest{ID: id, TTLSeconds: ttlSeconds}, commandBytes, true, done)
}

// Grant makes a lease and returns its id.
func (c *Client) Grant(ttlSeconds int64, done func(id int64, err error)) {
	c.LeaseGrant(0, ttlSeconds, func(r *LeaseGrantResponse, err error) {
		if err != nil {
			done(0, err)
			return
		}
		done(r.ID, nil)
	})
}

// LeaseRevoke ends a lease and deletes its keys.
func (c *Client) LeaseRevoke(id int64, done func(*LeaseRevokeResponse, error)) {
	request(c, c.methods.revoke, &LeaseRevokeRequest{id}, commandBytes, true, done)
}

// LeaseKeepAlive renews a lease once. Its time is 0 where the lease has ended.
func (c *Client) LeaseKeepAlive(id int64, done func(*LeaseKeepAliveResponse, error)) {
	request(c, c.methods.keepAlive, &LeaseKeepAliveRequest{id}, commandBytes, true, done)
}

// LeaseTimeToLive asks how long a lease has left, and for its keys.
func (c *Client) LeaseTimeToLive(id int64, keys bool, done func(*LeaseTimeToLiveResponse, error)) {
	request(c, c.methods.timeToLive, &LeaseTimeToLiveRequest{id, keys}, commandBytes, true, done)
}

// LeaseLeases lists the leases that a member knows.
func (c *Client) LeaseLeases(done func(*LeaseLeasesResponse, error)) {
	request(c, c.methods.leases, &LeaseLeasesRequest{}, commandBytes, true, done)
}

// MemberAdd adds a member, which has to be started with Join afterwards.
func (c *Client) MemberAdd(p Peer, done func(*MemberListResponse, error)) {
	request(c, c.methods.memberAdd, &MemberAddRequest{p}, 4*commandBytes, false, done)
}

// MemberRemove removes a member.
func (c *Client) MemberRemove(id uint64, done func(*MemberListResponse, error)) {
	request(c, c.methods.memberRemove, &MemberRemoveRequest{id}, commandBytes, false, done)
}

// MemberPromote makes a learner a voter.
func (c *Client) MemberPromote(id uint64, done func(*MemberListResponse, error)) {
	request(c, c.methods.memberPromote, &MemberPromoteRequest{id}, commandBytes, false, done)
}

// MemberList lists the members.
func (c *Client) MemberList(done func(*MemberListResponse, error)) {
	request(c, c.methods.memberList, &MemberListRequest{Linearizable: true}, commandBytes, true, done)
}

// MoveLeader hands the leadership over; only the leader's endpoint can.
func (c *Client) MoveLeader(to uint64, done func(error)) {
	request(c, c.methods.moveLeader, &MoveLeaderRequest{to}, commandBytes, true, func(_ *EmptyResponse, err error) { done(err) })
}

// Status asks the next endpoint about itself.
func (c *Client) Status(done func(*StatusResponse, error)) {
	request(c, c.methods.status, &StatusRequest{}, commandBytes, true, done)
}

// HashKV asks the next endpoint for the hash of its keyspace at a revision; 0 is its newest.
func (c *Client) HashKV(revision int64, done func(*HashKVResponse, error)) {
	request(c, c.methods.hashKV, &HashKVRequest{revision}, commandBytes, true, done)
}

// Alarm lists, raises or lowers alarms.
func (c *Client) Alarm(r *AlarmRequest, done func(*AlarmResponse, error)) {
	request(c, c.methods.alarm, r, commandBytes, true, done)
}

// Defragment gives the free pages of the next endpoint's database back.
func (c *Client) Defragment(done func(error)) {
	request(c, c.methods.defragment, &DefragmentRequest{}, commandBytes, false, func(_ *EmptyResponse, err error) { done(err) })
}

// Snapshot fetches the state of the next endpoint, to be written to a file with backup.Write.
func (c *Client) Snapshot(done func(*backup.Backup, error)) {
	request(c, c.methods.backup, &SnapshotRequest{}, commandBytes, true, done)
}
