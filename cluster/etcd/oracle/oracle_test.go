package oracle

import (
	"fmt"
	"os"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"
)

// message is one of etcd's own requests and answers.
type message interface{ String() string }

// store is what all of them offer.
type store interface {
	call(message) (message, error)
	watch(*pb.WatchCreateRequest) (watcher, error)
	// pause lets the store work for a moment.
	pause()
	close()
}

// watcher is a watch on a store.
type watcher interface {
	// responses are those that have come so far.
	responses() []*pb.WatchResponse
	progress()
	close()
}

var storeNames = []string{"etcd", "one simulated member", "three simulated members"}

// stores live from one sequence to the next, until a difference is found; compactions are the revisions at which they
// were compacted.
var (
	stores      []store
	compactions map[int64]bool
)

func TestMain(m *testing.M) {
	code := m.Run()
	closeStores()
	os.Exit(code)
}

func closeStores() {
	for _, s := range stores {
		s.close()
	}
	stores = nil
}

func openStores() error {
	if stores != nil {
		return nil
	}
	etcd, err := newRealStore()
	if err != nil {
		return err
	}
	stores, compactions = []store{etcd}, map[int64]bool{}
	for _, size := range []int{1, 3} {
		s, err := newSimulatedStore(size)
		if err != nil {
			return err
		}
		stores = append(stores, s)
	}
	return nil
}

// trial is one sequence of operations on all stores.
type trial struct {
	t       *rapid.T
	stores  []store
	state   state
	watches []*watchers
	// strict: the watches are waited for after each operation and must tell it in the same responses.
	strict bool
	// held says that the trial came to its end without a difference.
	held bool
}

// begin opens the trial: the stores are empty and have no history.
func (w *trial) begin() {
	if err := openStores(); err != nil {
		w.t.Fatal(err)
	}
	w.stores = stores
	for member := range uint64(3) {
		for _, alarm := range []pb.AlarmType{pb.AlarmType_NOSPACE, pb.AlarmType_CORRUPT} {
			w.do(&pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: member, Alarm: alarm})
		}
	}
	for id := int64(1); id <= 4; id++ {
		w.do(&pb.LeaseRevokeRequest{ID: id})
	}
	w.do(&pb.DeleteRangeRequest{Key: []byte{0}, RangeEnd: []byte{0}})
	w.do(&pb.PutRequest{Key: []byte("a")}) // So that there is something to compact.
	w.do(&pb.DeleteRangeRequest{Key: []byte("a")})
	w.do(&pb.CompactionRequest{Revision: w.state.revision, Physical: true})
}

// end closes the watches; after a failure everything starts anew.
func (w *trial) end() {
	for _, x := range w.watches {
		for _, on := range x.on {
			on.close()
		}
	}
	if !w.held {
		closeStores()
	}
}

// do asks all stores the same and compares what they say.
func (w *trial) do(request message) message {
	var want string
	var first message
	for i, s := range w.stores {
		answer, err := s.call(request)
		got := w.text(answer, err)
		if i == 0 {
			want, first = got, answer
		} else if got != want {
			w.t.Fatalf("%T %v at revision %d, compacted at %d\n%s says\n\t%s\n%s says\n\t%s", request, request, w.state.revision,
				w.state.compacted, storeNames[0], want, storeNames[i], got)
		}
		if err == nil && i == 0 {
			w.learn(request, answer)
		}
	}
	return first
}

// text is what must be equal of an answer.
func (w *trial) text(answer message, err error) string {
	if err != nil {
		s := status.Convert(err)
		return fmt.Sprintf("error %s: %s", s.Code(), s.Message())
	}
	hide(answer)
	return answer.String()
}

func (w *trial) learn(request, answer message) {
	if a, ok := answer.(interface{ GetHeader() *pb.ResponseHeader }); ok {
		w.state.revision = max(w.state.revision, a.GetHeader().GetRevision())
	}
	if q, ok := request.(*pb.CompactionRequest); ok {
		w.state.compacted = q.Revision
		compactions[q.Revision] = true
	}
}

// watch begins a watch on all stores.
func (w *trial) watch(request *pb.WatchCreateRequest) {
	x := &watchers{request: request}
	for i, s := range w.stores {
		on, err := s.watch(request)
		if err != nil {
			w.t.Fatalf("%s: watching %v: %v", storeNames[i], request, err)
		}
		x.on = append(x.on, on)
	}
	w.watches = append(w.watches, x)
}

// The stores cannot be told apart by random operations, nor by what their watches tell.
func TestStoreEqualsEtcd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &trial{t: t}
		defer w.end()
		w.begin()
		w.strict = chance(t, 4, "strict")
		for range 100 {
			if len(w.watches) < 6 && chance(t, 12, "watch") {
				w.watch(w.state.watch(t))
				w.settle()
			}
			request := w.state.request(t)
			if _, ok := request.(*pb.CompactionRequest); ok {
				w.settle() // A watch that is behind by chance would be cancelled by chance.
			}
			w.do(request)
			if w.strict {
				w.compareWatches()
			}
		}
		w.compareWatches()
		w.held = true
	})
}
