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
}

func newRealStore() (*realStore, error) {
	directory, err := os.MkdirTemp("", "fauxkube-oracle-")
	if err != nil {
		return nil, err
	}
	r := &realStore{directory: directory}
	r.context, r.cancel = context.WithCancel(context.Background())
	if err := r.start(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// start runs the server at ports of the system's choice. Syncing to a directory that is thrown away would cost time only.
func (r *realStore) start() error {
	c := embed.NewConfig()
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	c.Dir, c.UnsafeNoFsync = r.directory, true
	c.ListenClientUrls, c.AdvertiseClientUrls = anyPort, anyPort
	c.ListenPeerUrls, c.AdvertisePeerUrls = anyPort, anyPort
	c.InitialCluster = c.InitialClusterFromName(c.Name)
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
		panic(fmt.Sprintf("no call for a %T", request))
	}
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
