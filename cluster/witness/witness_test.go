package witness

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
	"github.com/fauxkube/fauxkube/cluster/watchcheck"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// world is a store of pods and its witness.
type world struct {
	*Witness
	t       *testing.T
	pods    map[string]api.Object
	written map[int64]api.Object // by revision; a deletion has the last state
	process *host.Process
	broken  []watchcheck.Guarantee
	errors  []error
}

func newWorld(t *testing.T) *world {
	s := sim.New(sim.Config{NoWatchdog: true})
	t.Cleanup(s.Close)
	w := &world{t: t, pods: map[string]api.Object{}, written: map[int64]api.Object{}}
	w.process = host.NewMachine(s, host.Config{Name: "m", Zone: "a"}).Spawn("watcher", func(*host.Process) {})
	w.Witness = New(func(r *api.Resource, f func(api.Object)) {
		for _, o := range w.pods { //sim:unordered a sum
			if r == api.Pods {
				f(o)
			}
		}
	}, func(err error) {
		var v *watchcheck.Violation
		if errors.As(err, &v) {
			w.broken = append(w.broken, v.Guarantee)
		}
		w.errors = append(w.errors, err)
	})
	return w
}

// commit writes changes down: "a@2" is a pod without a node, "a@3/n" one on node n, "-a@4" a deletion.
func (w *world) commit(changes ...string) {
	for _, text := range changes {
		o, revision, deleted := w.parse(text)
		w.Advance(revision)
		old := w.pods[o.GetName()]
		if w.written[revision] = o; deleted {
			w.written[revision] = old
			delete(w.pods, o.GetName())
			w.Change(api.Pods, old, nil)
			continue
		}
		w.pods[o.GetName()] = o
		w.Change(api.Pods, old, o)
	}
}

func (w *world) parse(text string) (o *corev1.Pod, revision int64, deleted bool) {
	text, deleted = strings.CutPrefix(text, "-")
	text, node, _ := strings.Cut(text, "/")
	name, rest, _ := strings.Cut(text, "@")
	if _, err := fmt.Sscan(rest, &revision); err != nil {
		w.t.Fatal(err)
	}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, ResourceVersion: rest}, Spec: corev1.PodSpec{NodeName: node}}, revision, deleted
}

// object is what was stored at a revision, or something else of that name where the text ends in "!".
func (w *world) object(text string) (o api.Object, deleted bool) {
	text, other := strings.CutSuffix(text, "!")
	pod, revision, deleted := w.parse(text)
	stored := w.written[revision]
	if deleted || other || stored == nil || stored.GetName() != pod.Name {
		return pod, deleted
	}
	return stored, false
}

// play has a stream told: events, "up to 3", "list 3: a@2 b@3".
func (w *world) play(s *Stream, messages ...string) {
	for _, m := range messages {
		var revision int64
		list, isList := strings.CutPrefix(m, "list ")
		switch n, _ := fmt.Sscanf(m, "up to %d", &revision); {
		case n == 1:
			s.Tell([]api.WatchEvent{api.Bookmark(api.Pods, api.FormatRV(uint64(revision)), false)})
		case isList:
			at, names, _ := strings.Cut(list, ":")
			var objects []api.Object
			for _, name := range strings.Fields(names) {
				o, _ := w.object(name)
				objects = append(objects, o)
			}
			if _, err := fmt.Sscan(at, &revision); err != nil {
				w.t.Fatal(err)
			}
			s.Listed(revision, slices.Values(objects))
		default:
			var events []api.WatchEvent
			for _, f := range strings.Fields(m) {
				o, deleted := w.object(f)
				e := api.WatchEvent{Type: watch.Modified, Object: o}
				if deleted {
					e.Type = watch.Deleted
				}
				events = append(events, e)
			}
			s.Tell(events)
		}
	}
}

func onNode(t *testing.T, node string) *watchcache.Selector {
	t.Helper()
	f, err := fields.ParseSelector("spec.nodeName=" + node)
	if err != nil {
		t.Fatal(err)
	}
	s, unknown := watchcache.NewSelector("", "", nil, f, func(field string) watchcache.FieldGetter {
		return func(o api.Object) string {
			v, _ := registry.For(api.Pods).Field(o, field)
			return v
		}
	})
	if unknown != "" {
		t.Fatal(unknown)
	}
	return &s
}

type what string

func (n what) String() string { return string(n) }

var history = []string{"a@2", "b@3", "a@4/n", "c@5/n", "b@6/m", "-a@7", "c@8/m", "d@9/n"}

// At each level there is a history that breaks one guarantee alone, beside good ones that come close.
func TestEachLevelIsChecked(t *testing.T) {
	none := []watchcheck.Guarantee(nil)
	one := func(g watchcheck.Guarantee) []watchcheck.Guarantee { return []watchcheck.Guarantee{g} }
	for _, x := range []struct {
		name     string
		messages []string
		want     []watchcheck.Guarantee
		level    string
	}{
		{"everything", []string{"a@2", "b@3", "a@4/n c@5/n", "b@6/m", "-a@7 c@8/m", "up to 8", "d@9/n", "up to 9"}, none, "store"},
		{"W0", []string{"a@2!"}, one(watchcheck.True), "store"},
		{"W1", []string{"b@3 a@2"}, one(watchcheck.Ordered), "store"},
		{"W2", []string{"a@2", "a@2"}, one(watchcheck.Unique), "store"},
		{"W3", []string{"a@2", "a@4/n"}, one(watchcheck.Reliable), "store"},
		{"W5", []string{"b@3"}, one(watchcheck.Resumable), "store"},
		{"W6", []string{"a@2", "up to 3"}, one(watchcheck.Bookmarkable), "store"},

		{"everything", []string{"a@2 b@3", "a@4/n c@5/n b@6/m -a@7", "c@8/m", "d@9/n", "up to 9"}, none, "watch cache"},
		{"W0", []string{"a@2!"}, one(watchcheck.True), "watch cache"},
		{"W1", []string{"b@3 a@2"}, one(watchcheck.Ordered), "watch cache"},
		{"W2", []string{"a@2", "a@2"}, one(watchcheck.Unique), "watch cache"},
		{"W3: a lost deletion", []string{"a@2 b@3 a@4/n c@5/n b@6/m", "c@8/m"}, one(watchcheck.Reliable), "watch cache"},
		{"W5", []string{"b@3"}, one(watchcheck.Resumable), "watch cache"},
		{"W6: a bookmark too high", []string{"a@2 b@3 a@4/n c@5/n b@6/m", "up to 7"}, one(watchcheck.Bookmarkable), "watch cache"},
		{"W6: a bookmark of the future", []string{"a@2 b@3 a@4/n c@5/n b@6/m -a@7 c@8/m d@9/n", "up to 10"}, one(watchcheck.Bookmarkable), "watch cache"},

		{"the pods of a node", []string{"a@4/n c@5/n", "-a@7 -c@8", "d@9/n", "up to 9"}, none, "watch cache of n"},
		{"W0: a pod of another node", []string{"a@4/n c@5/n b@6/m"}, one(watchcheck.True), "watch cache of n"},
		{"W3: a pod that has left", []string{"a@4/n c@5/n", "-a@7", "d@9/n"}, one(watchcheck.Reliable), "watch cache of n"},

		{"the state first", []string{"c@5/n a@4/n", "-a@7", "-c@8", "d@9/n"}, none, "state of n at 6"},
		{"W7: a part of the state", []string{"c@5/n b@6/m", "-a@7"}, one(watchcheck.Complete), "state of n at 6"},
		{"W7: an old state", []string{"c@5/n a@2", "-a@7"}, one(watchcheck.Complete), "state of n at 6"},

		{"a life", []string{"list 3: b@3 a@2", "a@4/n", "c@5/n", "up to 5", "list 7: c@5/n b@6/m", "c@8/m"}, none, "informer"},
		{"W0", []string{"list 3: b@3 a@2", "a@4/n!"}, one(watchcheck.True), "informer"},
		{"W1: an older list", []string{"list 5: c@5/n a@4/n b@3", "list 3: a@2 b@3"}, one(watchcheck.Ordered), "informer"},
		{"W2", []string{"list 3: b@3 a@2", "a@4/n", "a@4/n"}, one(watchcheck.Unique), "informer"},
		{"W3: after a resumption", []string{"list 3: b@3 a@2", "a@4/n", "b@6/m"}, one(watchcheck.Reliable), "informer"},
		{"W5: from before its list", []string{"list 3: b@3 a@2", "b@3"}, one(watchcheck.Resumable), "informer"},
		{"W6", []string{"list 3: b@3 a@2", "up to 4"}, one(watchcheck.Bookmarkable), "informer"},
		{"W7: keeps what is deleted", []string{"list 3: b@3 a@2", "list 7: a@4/n b@6/m c@5/n"}, one(watchcheck.Complete), "informer"},
	} {
		t.Run(x.level+"/"+x.name, func(t *testing.T) {
			w := newWorld(t)
			var s *Stream
			switch x.level {
			case "store":
				s = w.Store(w.process, what("w"), api.Pods, 1)
			case "watch cache":
				s = w.Watch(w.process, what("w"), api.Pods, &watchcache.Selector{}, 1, -1)
			case "watch cache of n":
				s = w.Watch(w.process, what("w"), api.Pods, onNode(t, "n"), 1, -1)
			case "informer":
				s = w.Informer(w.process, what("w"), api.Pods, nil, false)
			}
			w.commit(history[:5]...)
			if x.level == "state of n at 6" {
				s = w.Watch(w.process, what("w"), api.Pods, onNode(t, "n"), 6, 2)
			}
			w.commit(history[5:]...)
			w.play(s, x.messages...)
			if !slices.Equal(w.broken, x.want) {
				t.Fatalf("broken: %v, want %v: %v", w.broken, x.want, w.errors)
			}
		})
	}
}

// The difference between a list and what there was is named.
func TestListsThatDiffer(t *testing.T) {
	for _, x := range []struct{ list, want string }{
		{"list 7: a@4/n b@6/m c@5/n", "with default/a, which was not there"},
		{"list 7: b@6/m", "without default/c of revision 5"},
		{"list 7: b@3 c@5/n", "with default/b of revision 3 instead of 6"},
		{"list 7: b@6/m b@6/m c@5/n", "which was not there"},
	} {
		w := newWorld(t)
		s := w.Informer(w.process, what("w"), api.Pods, nil, false)
		w.commit(history...)
		if w.play(s, x.list); len(w.errors) != 1 || !strings.Contains(w.errors[0].Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.list, w.errors, x.want)
		}
	}
}

// Histories keep what somebody needs and no more, and let go of those who are dead.
func TestHistoriesForget(t *testing.T) {
	w := newWorld(t)
	w.commit("a@2")
	all := w.part(api.Pods, nil)
	for revision := 3; revision < 1000; revision++ {
		w.commit(fmt.Sprintf("a@%d", revision))
	}
	if n := all.Len(); n > leastKept {
		t.Fatalf("%d changes are kept, and nobody watches", n)
	}
	s := w.Store(w.process, what("behind"), api.Pods, 999)
	for revision := 1000; revision < 2000; revision++ {
		w.commit(fmt.Sprintf("a@%d", revision))
	}
	if n := all.Len(); n < 1000 {
		t.Fatalf("%d changes are kept, somebody waits for 1000", n)
	}
	for revision := 1000; revision < 2000; revision++ {
		w.play(s, fmt.Sprintf("a@%d", revision))
	}
	w.process.Kill()
	for revision := 2000; revision < 5000; revision++ {
		w.commit(fmt.Sprintf("a@%d", revision))
	}
	if n := all.Len(); n > leastKept || len(all.streams)+len(all.kind.caches) > 0 {
		t.Fatalf("%d changes and %d streams are kept, and who watched is dead", n, len(all.streams))
	}
	if len(w.errors) > 0 {
		t.Fatal(w.errors)
	}
}

// After a restored backup a watch is judged from its next list on.
func TestAnotherStore(t *testing.T) {
	w := newWorld(t)
	s := w.Informer(w.process, what("w"), api.Pods, nil, false)
	w.commit("a@2", "b@3")
	w.play(s, "list 3: a@2 b@3")
	delete(w.pods, "b")
	w.Reset(2)
	w.commit("c@3", "c@4")
	w.play(s, "c@4", "list 3: a@2 c@3", "c@4")
	if len(w.errors) > 0 {
		t.Fatal(w.errors)
	}
	if w.play(s, "c@4"); !slices.Equal(w.broken, []watchcheck.Guarantee{watchcheck.Unique}) {
		t.Fatal(w.errors)
	}
}

// Keys that end with their lease do so in one revision. The store tells them in one message, an API server need not.
func TestManyDeletionsInARevision(t *testing.T) {
	for _, x := range []struct {
		level string
		split bool
		want  []watchcheck.Guarantee
	}{{"store", false, nil}, {"store", true, []watchcheck.Guarantee{watchcheck.Atomic}}, {"watch cache", true, nil}} {
		w := newWorld(t)
		s := w.Store(w.process, what("w"), api.Pods, 3)
		if x.level != "store" {
			s = w.Watch(w.process, what("w"), api.Pods, nil, 3, -1)
		}
		w.commit("a@2", "b@3")
		a, b := w.pods["a"], w.pods["b"]
		w.Advance(4)
		w.Change(api.Pods, a, nil)
		w.Change(api.Pods, b, nil)
		s.Deleted(b, 4)
		if x.split {
			s.Done()
		}
		s.Deleted(a, 4)
		if s.Done(); !slices.Equal(w.broken, x.want) {
			t.Errorf("%+v: %v", x, w.errors)
		}
	}
}
