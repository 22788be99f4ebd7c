package oracle

import (
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// simulatedStore is the store under test: members and the desk of a client that asks them in turn.
type simulatedStore struct {
	simulation *sim.Simulation
	network    *network.Network
	canonical  *etcd.Canonical
	members    []*etcd.Member
	desk       *host.Process
	conns      []*network.Conn
	turn       int
	// learners are the ids that numbers in requests stand for; added counts who was ever to be added.
	learners map[uint64]uint64
	added    int
}

func newSimulatedStore(size int) (*simulatedStore, error) {
	s := sim.New(sim.Config{Seed: 1, NoWatchdog: true})
	w := &simulatedStore{simulation: s, network: network.New(s, network.Config{}), canonical: etcd.NewCanonical(s), learners: map[uint64]uint64{}}
	var peers []etcd.Peer
	for i := range size {
		name := fmt.Sprintf("m%d", i)
		peers = append(peers, etcd.Peer{Name: name, PeerAddress: network.Address(name + ":2380"), ClientAddress: network.Address(name + ":2379")})
	}
	w.members = make([]*etcd.Member, size)
	for i, p := range peers {
		c := etcd.MemberConfig{
			Name: p.Name, Network: w.network, ClientAddress: p.ClientAddress, PeerAddress: p.PeerAddress, InitialCluster: peers,
			Canonical: w.canonical, MaxTxnOps: maxTxnOps, MaxRequestBytes: maxRequestBytes,
		}
		host.NewMachine(s, host.Config{Name: p.Name}).Spawn("etcd", func(p *host.Process) { w.members[i] = etcd.StartMember(p, c) })
	}
	w.desk = host.NewMachine(s, host.Config{Name: "desk"}).Spawn("client", func(*host.Process) {})
	for _, p := range peers {
		w.conns = append(w.conns, w.network.DialWith(w.desk, p.ClientAddress, network.EtcdClient()))
	}
	if err := w.await("a leader", func() bool { return w.members[0].Leader() != 0 && w.converged() }); err != nil {
		w.close()
		return nil, err
	}
	// Members change only when all have been connected for five seconds.
	if err := s.Run(s.Now().Add(6 * time.Second)); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *simulatedStore) close() { w.simulation.Close() }

// await runs the simulation until a condition holds, for a simulated minute at most.
func (w *simulatedStore) await(what string, holds func() bool) error {
	for end := w.simulation.Now().Add(time.Minute); !holds(); {
		if w.simulation.Now() > end {
			return fmt.Errorf("after a simulated minute still not: %s", what)
		}
		if _, err := w.simulation.Step(); err != nil {
			return err
		}
	}
	return nil
}

// converged reports whether all members have applied everything, so that it does not matter whom one asks.
func (w *simulatedStore) converged() bool {
	for _, m := range w.members {
		if !m.Serving() || m.AppliedIndex() != w.canonical.Index() {
			return false
		}
	}
	return true
}

// next is the connection to the member whose turn it is.
func (w *simulatedStore) next() *network.Conn {
	w.turn++
	return w.conns[w.turn%len(w.conns)]
}

// call sends a request to the next member and returns the answer once all members have caught up.
func (w *simulatedStore) call(request message) (message, error) {
	method, payload := w.toSimulated(request)
	answer, err := w.ask(method, payload)
	if err != nil {
		return nil, err
	}
	if members, ok := answer.(*etcd.MemberListResponse); ok {
		return w.fromSimulatedMembers(request, members), nil
	}
	return fromSimulated(answer), nil
}

func (w *simulatedStore) ask(method string, payload any) (answer any, failure error) {
	done := false
	w.desk.Do(func() {
		w.next().Call(w.network.Method("etcd."+method), payload, 64, 0, func(a any, err error) { answer, failure, done = a, err, true })
	})
	if err := w.await("an answer", func() bool { return done && w.converged() }); err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, asStatus(failure)
	}
	return answer, nil
}

// toSimulated translates a request, in which members go by numbers, and names the call.
func (w *simulatedStore) toSimulated(request message) (method string, payload any) {
	switch q := request.(type) {
	case *pb.MemberAddRequest:
		w.added++
		name := fmt.Sprintf("learner-%d", w.added) // A new name is a new id, which etcd draws from the time.
		return "MemberAdd", &etcd.MemberAddRequest{Member: etcd.Peer{
			Name: name, PeerAddress: network.Address(q.PeerURLs[0]), ClientAddress: network.Address(name + ":2379"), Learner: q.IsLearner,
		}}
	case *pb.MemberRemoveRequest:
		return "MemberRemove", &etcd.MemberRemoveRequest{ID: w.memberID(q.ID)}
	case *pb.MemberPromoteRequest:
		return "MemberPromote", &etcd.MemberPromoteRequest{ID: w.memberID(q.ID)}
	default:
		return toSimulated(request)
	}
}

func (w *simulatedStore) memberID(number uint64) uint64 {
	if number == voter {
		for _, m := range w.members {
			if m.IsLeader() { // What a leader knows of itself it has applied.
				return m.ID()
			}
		}
	}
	if id, ok := w.learners[number]; ok {
		return id
	}
	return number
}

// fromSimulatedMembers translates an answer about members back, which carries the name of the request.
func (w *simulatedStore) fromSimulatedMembers(request message, a *etcd.MemberListResponse) message {
	var all []*pb.Member
	for _, p := range a.Members {
		all = append(all, &pb.Member{ID: p.ID, PeerURLs: []string{string(p.PeerAddress)}, IsLearner: p.Learner})
		if q, ok := request.(*pb.MemberAddRequest); ok && string(p.PeerAddress) == q.PeerURLs[0] {
			w.learners[learnerNumber(q)] = p.ID
		}
	}
	switch request.(type) {
	case *pb.MemberAddRequest:
		return &pb.MemberAddResponse{Header: header(a.Header), Members: all}
	case *pb.MemberRemoveRequest:
		return &pb.MemberRemoveResponse{Header: header(a.Header), Members: all}
	case *pb.MemberPromoteRequest:
		return &pb.MemberPromoteResponse{Header: header(a.Header), Members: all}
	default:
		return &pb.MemberListResponse{Header: header(a.Header), Members: all}
	}
}

// asStatus gives an error the form in which it would leave a server: the code goes with the text.
func asStatus(err error) error {
	var known rpctypes.EtcdError
	if errors.As(rpctypes.Error(err), &known) {
		return status.Error(known.Code(), known.Error())
	}
	return status.Error(codes.Unknown, err.Error())
}

// simulatedWatch is a watch on a stream of its own.
type simulatedWatch struct {
	store  *simulatedStore
	stream *network.Stream
	seen   []*pb.WatchResponse
}

func (w *simulatedStore) watch(q *pb.WatchCreateRequest) (watcher, error) {
	x := &simulatedWatch{store: w}
	r := watchRequest(q)
	w.desk.Do(func() { x.stream = w.next().Stream(w.network.Method("etcd.Watch"), r, r.SizeBytes(), x) })
	return x, nil
}

// Receive implements network.Receiver.
func (x *simulatedWatch) Receive(m any, _ int) {
	x.seen = append(x.seen, watchResponse(m.(*etcd.WatchResponse)))
}

// Closed implements network.Receiver. Why the watch has ended was in the last response.
func (x *simulatedWatch) Closed(error) {}

func (x *simulatedWatch) responses() []*pb.WatchResponse { return x.seen }
func (x *simulatedWatch) progress() {
	x.store.desk.Do(func() { x.stream.Send(struct{}{}, 16) }) // Every message on a watch's stream asks that.
}
func (x *simulatedWatch) close() { x.store.desk.Do(x.stream.Close) }

// pause lets the members work.
func (w *simulatedStore) pause() {
	if err := w.simulation.Run(w.simulation.Now().Add(10 * time.Millisecond)); err != nil {
		panic(err)
	}
}
