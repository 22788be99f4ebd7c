package oracle

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
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

// laboratory is the stores of one test. They live from one sequence to the next, until a difference is found.
type laboratory struct {
	stores []store
	// compactions are the revisions at which the stores were compacted, added the learners that were ever to be added.
	compactions map[int64]bool
	added       int
}

func (l *laboratory) close() {
	for _, s := range l.stores {
		s.close()
	}
	l.stores = nil
}

func (l *laboratory) open() error {
	if l.stores != nil {
		return nil
	}
	etcd, err := newRealStore()
	if err != nil {
		return err
	}
	l.stores, l.compactions = []store{etcd}, map[int64]bool{}
	for _, size := range []int{1, 3} {
		s, err := newSimulatedStore(size)
		if err != nil {
			return err
		}
		l.stores = append(l.stores, s)
	}
	return nil
}

// trial is one sequence of operations on all stores.
type trial struct {
	*laboratory
	t       *rapid.T
	state   state
	watches []*watchers
	// strict: the watches are waited for after each operation and must tell it in the same responses.
	strict bool
	// held says that the trial came to its end without a difference.
	held bool
}

// begin opens the trial: the stores are empty and have no history.
func (w *trial) begin() {
	if err := w.open(); err != nil {
		w.t.Fatal(err)
	}
	w.state.compactions, w.state.added = w.compactions, w.added
	for member := range uint64(3) {
		for _, alarm := range []pb.AlarmType{pb.AlarmType_NOSPACE, pb.AlarmType_CORRUPT} {
			w.do(&pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: member, Alarm: alarm})
		}
	}
	for id := int64(1); id <= 4; id++ {
		w.do(&pb.LeaseRevokeRequest{ID: id})
	}
	for id := uint64(1); id <= 3; id++ {
		w.do(&pb.MemberRemoveRequest{ID: id})
	}
	w.do(&pb.DeleteRangeRequest{Key: []byte{0}, RangeEnd: []byte{0}})
	w.do(&pb.PutRequest{Key: []byte("a")}) // So that there is something to compact.
	w.do(&pb.DeleteRangeRequest{Key: []byte("a")})
	w.do(&pb.CompactionRequest{Revision: w.state.revision, Physical: true})
}

// end closes the watches; after a failure everything starts anew.
func (w *trial) end() {
	w.added = w.state.added
	for _, x := range w.watches {
		for _, on := range x.on {
			on.close()
		}
	}
	if !w.held {
		w.laboratory.close()
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
		w.compactions[q.Revision] = true
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

// grantAny has each store choose the id of a lease, which is revoked at once.
func (w *trial) grantAny(ttl int64) {
	var want string
	for i, s := range w.stores {
		answer, err := s.call(&pb.LeaseGrantRequest{TTL: ttl})
		if err != nil {
			w.t.Fatalf("%s: a lease of %d s: %v", storeNames[i], ttl, err)
		}
		granted := answer.(*pb.LeaseGrantResponse)
		revoked, err := s.call(&pb.LeaseRevokeRequest{ID: granted.ID})
		if granted.ID == 0 {
			w.t.Fatalf("%s: a lease has id 0", storeNames[i])
		}
		granted.ID = 0
		got := w.text(granted, nil) + w.text(revoked, err)
		if i == 0 {
			want = got
		} else if got != want {
			w.t.Fatalf("a lease of %d s is granted and revoked\n%s says\n\t%s\n%s says\n\t%s", ttl, storeNames[0], want, storeNames[i], got)
		}
	}
}

// step does one thing.
func (w *trial) step() {
	if len(w.watches) < 6 && chance(w.t, 12, "watch") {
		w.watch(w.state.watch(w.t))
		w.settle()
	}
	if len(w.state.alarms) == 0 && chance(w.t, 100, "any id") {
		w.grantAny(rapid.Int64Range(-1, 4).Draw(w.t, "ttl"))
	}
	request := w.state.request(w.t)
	if _, ok := request.(*pb.CompactionRequest); ok {
		w.settle() // A watch that is behind by chance would be cancelled by chance.
	}
	w.do(request)
	if w.strict {
		w.compareWatches()
	}
}

// seeding is held from setting rapid's seed, which is a flag of the process, until it has been read.
var seeding sync.Mutex

// check runs trials in a laboratory of their own. Where the seed is given, each group goes on from another one.
func check(t *testing.T, group uint64, experiment func(*trial)) {
	l := &laboratory{}
	defer l.close()
	seeding.Lock()
	if seed != 0 {
		flag.Set("rapid.seed", strconv.FormatUint(seed+group<<32, 10))
	}
	var seeded sync.Once
	rapid.Check(t, func(t *rapid.T) {
		seeded.Do(seeding.Unlock)
		w := &trial{laboratory: l, t: t}
		defer w.end()
		w.begin()
		experiment(w)
		w.compareWatches()
		w.held = true
	})
}

// groups of sequences run side by side: most of the time a trial waits for etcd to serve watches that are behind, which
// it does every 100 ms.
const groups = 4

// seed is what -rapid.seed says.
var seed uint64

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	seed, _ = strconv.ParseUint(flag.Lookup("rapid.seed").Value.String(), 10, 64)
	for name, value := range map[string]int{"rapid.checks": sequences / groups, "test.parallel": groups} {
		if !given[name] {
			flag.Set(name, strconv.Itoa(value))
		}
	}
	os.Exit(m.Run())
}

// The stores cannot be told apart by random operations, nor by what their watches tell.
func TestStoreEqualsEtcd(t *testing.T) {
	for i := range groups {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			check(t, uint64(i), func(w *trial) {
				w.strict = chance(w.t, 4, "strict")
				for range 100 {
					w.step()
				}
			})
		})
	}
}
