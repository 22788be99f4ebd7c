package oracle

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc/status"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// A learner answers and refuses the same requests, in the same words.
func TestLearnerEqualsEtcd(t *testing.T) {
	real, simulated := newRealLearner(t), newSimulatedLearner(t)
	for _, request := range []message{
		&pb.RangeRequest{Key: []byte("a")},
		&pb.RangeRequest{Key: []byte("a"), Serializable: true},
		&pb.RangeRequest{Serializable: true},
		&pb.PutRequest{Key: []byte("a")},
		&pb.PutRequest{},
		&pb.DeleteRangeRequest{Key: []byte("a")},
		&pb.TxnRequest{},
		&pb.TxnRequest{Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte("a"), Serializable: true}}}}},
		&pb.CompactionRequest{Revision: 2},
		&pb.LeaseGrantRequest{TTL: 100},
		&pb.LeaseRevokeRequest{ID: 1},
		&pb.LeaseTimeToLiveRequest{ID: 1},
		&pb.LeaseLeasesRequest{},
		&pb.AlarmRequest{},
		&pb.HashKVRequest{},
		&pb.MemberListRequest{},
		&pb.MemberRemoveRequest{ID: stranger},
		&pb.MemberPromoteRequest{ID: stranger},
	} {
		want, got := said(real.call(request)), said(simulated.call(request))
		if want != got {
			t.Errorf("%T %v\netcd's learner says\n\t%s\nthe simulated learner says\n\t%s", request, request, want, got)
		}
	}
}

func said(answer message, err error) string {
	if err != nil {
		s := status.Convert(err)
		return fmt.Sprintf("error %s: %s", s.Code(), s.Message())
	}
	hide(answer)
	return answer.String()
}

// newRealLearner is a learner beside a real member, with one key.
func newRealLearner(t *testing.T) *realStore {
	first, second := freeAddress(t), freeAddress(t)
	c := embed.NewConfig()
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{first}, []url.URL{first}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	leader := startReal(t, c)
	for _, request := range []message{
		&pb.PutRequest{Key: []byte("a"), Value: []byte("1")},
		&pb.MemberAddRequest{PeerURLs: []string{second.String()}, IsLearner: true},
	} {
		if _, err := leader.call(request); err != nil {
			t.Fatal(err)
		}
	}
	c = embed.NewConfig()
	c.Name, c.ClusterState = "learner", embed.ClusterStateFlagExisting
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{second}, []url.URL{second}
	c.InitialCluster = fmt.Sprintf("default=%s,learner=%s", first.String(), second.String())
	learner := startReal(t, c)
	get := &pb.RangeRequest{Key: []byte("a"), Serializable: true}
	for deadline := time.Now().Add(30 * time.Second); ; learner.pause() {
		answer, err := learner.call(get)
		if r, ok := answer.(*pb.RangeResponse); ok && err == nil && r.Count == 1 {
			return learner
		}
		if time.Now().After(deadline) {
			t.Fatalf("etcd's learner has not caught up after 30 s: %v", err)
		}
	}
}

func startReal(t *testing.T, c *embed.Config) *realStore {
	r, err := startRealStore(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

func freeAddress(t *testing.T) url.URL {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return url.URL{Scheme: "http", Host: l.Addr().String()}
}

// newSimulatedLearner is a learner beside a simulated member, with one key; requests go to the learner.
func newSimulatedLearner(t *testing.T) *simulatedStore {
	w, err := newSimulatedStore(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	if _, err := w.call(&pb.PutRequest{Key: []byte("a"), Value: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.call(&pb.MemberAddRequest{PeerURLs: []string{"learner-1:2380"}, IsLearner: true}); err != nil {
		t.Fatal(err)
	}
	answer, err := w.ask("MemberList", &etcd.MemberListRequest{Linearizable: true})
	if err != nil {
		t.Fatal(err)
	}
	members := answer.(*etcd.MemberListResponse).Members
	w.members = append(w.members, nil)
	for _, p := range members {
		if !p.Learner {
			continue
		}
		c := etcd.MemberConfig{
			Name: p.Name, Network: w.network, ClientAddress: p.ClientAddress, PeerAddress: p.PeerAddress, InitialCluster: members,
			Join: true, Canonical: w.canonical, MaxTxnOps: maxTxnOps, MaxRequestBytes: maxRequestBytes,
		}
		host.NewMachine(w.simulation, host.Config{Name: p.Name}).Spawn("etcd", func(p *host.Process) { w.members[1] = etcd.StartMember(p, c) })
		w.conns = []*network.Conn{w.network.DialWith(w.desk, p.ClientAddress, network.EtcdClient())}
	}
	if err := w.await("the learner has caught up", w.converged); err != nil {
		t.Fatal(err)
	}
	return w
}
