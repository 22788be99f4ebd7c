package oracle

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Limits of all stores under test, low enough to be reached; etcd's defaults are 128 operations and 1.5 MiB.
const (
	maxTxnOps       = 10
	maxRequestBytes = 64 << 10
)

// realStore is an etcd server on loopback.
type realStore struct {
	directory string
	server    *embed.Etcd
	conn      *grpc.ClientConn
	context   context.Context
	cancel    context.CancelFunc
	keepAlive pb.Lease_LeaseKeepAliveClient
	// members are the ids that numbers in requests stand for.
	members map[uint64]uint64
}

// anyPort has the system choose one.
var anyPort = url.URL{Scheme: "http", Host: "127.0.0.1:0"}

func newRealStore() (*realStore, error) {
	c := embed.NewConfig()
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{anyPort}, []url.URL{anyPort}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	return startRealStore(c)
}

// startRealStore runs a server in a directory of its own.
func startRealStore(c *embed.Config) (*realStore, error) {
	directory, err := os.MkdirTemp("", "fauxkube-oracle-")
	if err != nil {
		return nil, err
	}
	r := &realStore{directory: directory, members: map[uint64]uint64{}}
	r.context, r.cancel = context.WithCancel(context.Background())
	if err := r.start(c); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// start runs the server. Syncing to a directory that is thrown away would cost time only.
func (r *realStore) start(c *embed.Config) error {
	c.Dir, c.UnsafeNoFsync = r.directory, true
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{anyPort}, []url.URL{anyPort}
	c.MaxTxnOps, c.MaxRequestBytes = maxTxnOps, maxRequestBytes
	c.LogLevel = "panic"
	server, err := embed.StartEtcd(c)
	if err != nil {
		return err
	}
	r.server = server
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return err
	case <-time.After(30 * time.Second):
		return fmt.Errorf("etcd is not ready after 30 s")
	}
	r.conn, err = grpc.NewClient(server.Clients[0].Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return err
	}
	r.keepAlive, err = pb.NewLeaseClient(r.conn).LeaseKeepAlive(r.context)
	return err
}

func (r *realStore) close() {
	r.cancel()
	if r.conn != nil {
		r.conn.Close()
	}
	if r.server != nil {
		r.server.Close()
	}
	os.RemoveAll(r.directory)
}

// call sends a request and returns the answer. Whatever takes longer than a minute has failed.
func (r *realStore) call(request message) (message, error) {
	ctx, cancel := context.WithTimeout(r.context, time.Minute)
	defer cancel()
	kv, lease, maintenance := pb.NewKVClient(r.conn), pb.NewLeaseClient(r.conn), pb.NewMaintenanceClient(r.conn)
	switch q := request.(type) {
	case *pb.RangeRequest:
		return kv.Range(ctx, q)
	case *pb.PutRequest:
		return kv.Put(ctx, q)
	case *pb.DeleteRangeRequest:
		return kv.DeleteRange(ctx, q)
	case *pb.TxnRequest:
		return kv.Txn(ctx, q)
	case *pb.CompactionRequest:
		return kv.Compact(ctx, q)
	case *pb.LeaseGrantRequest:
		return lease.LeaseGrant(ctx, q)
	case *pb.LeaseRevokeRequest:
		return lease.LeaseRevoke(ctx, q)
	case *pb.LeaseKeepAliveRequest:
		return r.renew(q)
	case *pb.LeaseTimeToLiveRequest:
		return lease.LeaseTimeToLive(ctx, q)
	case *pb.LeaseLeasesRequest:
		return lease.LeaseLeases(ctx, q)
	case *pb.AlarmRequest:
		return maintenance.Alarm(ctx, q)
	case *pb.HashKVRequest:
		return maintenance.HashKV(ctx, q)
	default:
		return r.callCluster(ctx, request)
	}
}

// callCluster sends a request about members, under the ids that etcd gave them.
func (r *realStore) callCluster(ctx context.Context, request message) (message, error) {
	cluster := pb.NewClusterClient(r.conn)
	id := func(number uint64) uint64 {
		switch known, ok := r.members[number]; {
		case number == voter:
			return uint64(r.server.Server.MemberID())
		case ok:
			return known
		}
		return number
	}
	switch q := request.(type) {
	case *pb.MemberAddRequest:
		answer, err := cluster.MemberAdd(ctx, q)
		if err == nil {
			r.members[learnerNumber(q)] = answer.Member.ID
		}
		return answer, err
	case *pb.MemberRemoveRequest:
		return cluster.MemberRemove(ctx, &pb.MemberRemoveRequest{ID: id(q.ID)})
	case *pb.MemberPromoteRequest:
		return cluster.MemberPromote(ctx, &pb.MemberPromoteRequest{ID: id(q.ID)})
	case *pb.MemberListRequest:
		return cluster.MemberList(ctx, q)
	default:
		panic(fmt.Sprintf("no call for a %T", request))
	}
}

// learnerNumber is the number by which requests name the learner that a request adds.
func learnerNumber(q *pb.MemberAddRequest) (number uint64) {
	fmt.Sscanf(q.PeerURLs[0], "http://127.0.0.1:%d", &number)
	return number
}

func (r *realStore) renew(q *pb.LeaseKeepAliveRequest) (message, error) {
	if err := r.keepAlive.Send(q); err != nil {
		return nil, err
	}
	return r.keepAlive.Recv()
}

// realWatch is a watch on a stream of its own.
type realWatch struct {
	stream pb.Watch_WatchClient
	cancel context.CancelFunc
	mutex  sync.Mutex
	seen   []*pb.WatchResponse
}

func (r *realStore) watch(q *pb.WatchCreateRequest) (watcher, error) {
	ctx, cancel := context.WithCancel(r.context)
	stream, err := pb.NewWatchClient(r.conn).Watch(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	w := &realWatch{stream: stream, cancel: cancel}
	go w.receive()
	err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: q}})
	return w, err
}

func (w *realWatch) receive() {
	for {
		response, err := w.stream.Recv()
		if err != nil {
			return
		}
		w.mutex.Lock()
		w.seen = append(w.seen, response)
		w.mutex.Unlock()
	}
}

func (w *realWatch) responses() []*pb.WatchResponse {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.seen[:len(w.seen):len(w.seen)]
}

func (w *realWatch) progress() {
	w.stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}})
}

func (w *realWatch) close() { w.cancel() }

// pause lets the server work.
func (r *realStore) pause() { time.Sleep(300 * time.Microsecond) }
