package storage

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

const prefix = "/registry/configmaps/"

func configMap(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: name}, Data: map[string]string{"v": value}}
}

func keyOf(name string) string { return prefix + "demo/" + name }

// decider answers with a function and keeps what it saw.
type decider struct {
	write  Write
	decide func(old api.Object) (Decision, error)
	saw    []string
	obj    api.Object
	err    error
	done   int
}

func (d *decider) Decide(old api.Object) {
	if old == nil {
		d.saw = append(d.saw, "nothing")
	} else {
		d.saw = append(d.saw, old.(*corev1.ConfigMap).Data["v"])
	}
	d.write.Decided(d.decide(old))
}

func (d *decider) Done(obj api.Object, err error) { d.obj, d.err, d.done = obj, err, d.done+1 }

func start(s *Store, name string, cached api.Object, create bool, decide func(api.Object) (Decision, error)) *decider {
	d := &decider{decide: decide}
	d.write = Write{Store: s, Key: keyOf(name), Decider: d, Cached: cached, Create: create}
	d.write.Start()
	return d
}

// set decides to store a config map with a value, derived from the old one.
func set(name, value string) func(api.Object) (Decision, error) {
	return func(old api.Object) (Decision, error) {
		return Decision{Action: Put, Object: configMap(name, value)}, nil
	}
}

func newStore() (*fake, *Store, *Detector) {
	f, d := newFake(), &Detector{}
	return f, New(f, func() int64 { return 0 }, d), d
}

// put stores through the machinery and returns the object.
func put(t testing.TB, f *fake, s *Store, name, value string) api.Object {
	t.Helper()
	d := start(s, name, nil, true, set(name, value))
	f.run()
	if errors.Is(d.err, ErrKeyExists) {
		d = start(s, name, nil, false, set(name, value))
		f.run()
	}
	if d.err != nil {
		t.Fatal(d.err)
	}
	return d.obj
}

func TestOneObjectPerRevision(t *testing.T) {
	f, s, _ := newStore()
	obj := put(t, f, s, "a", "1")
	var read api.Object
	s.Get(keyOf("a"), func(o api.Object, _ int64, _ error) { read = o })
	f.run()
	if read != obj {
		t.Error("a read made a copy of the stored object")
	}
	if rv := obj.GetResourceVersion(); rv != "2" {
		t.Errorf("the first revision of the store is 2, the object says %s", rv)
	}
	stored := NewStored(configMap("x", ""), nil)
	at5, at6 := stored.At(5), stored.At(6)
	if at5.GetResourceVersion() != "5" || at6.GetResourceVersion() != "6" || stored.At(5) != at5 || stored.At(6) != at6 {
		t.Error("members that apply one write at two revisions must see two objects, each shared")
	}
}

func TestCreateOfATakenKey(t *testing.T) {
	f, s, _ := newStore()
	put(t, f, s, "a", "1")
	d := start(s, "a", nil, true, set("a", "2"))
	f.run()
	if !errors.Is(d.err, ErrKeyExists) || d.done != 1 {
		t.Errorf("ended %d times with %v", d.done, d.err)
	}
}

func TestUpdateFromAStaleCacheDecidesAgain(t *testing.T) {
	f, s, _ := newStore()
	stale := put(t, f, s, "a", "1")
	put(t, f, s, "a", "2")
	f.sent = nil
	d := start(s, "a", stale, false, set("a", "3"))
	f.run()
	if d.err != nil || !slices.Equal(d.saw, []string{"1", "2"}) || d.obj.(*corev1.ConfigMap).Data["v"] != "3" {
		t.Errorf("saw %q, got %v, %v", d.saw, d.obj, d.err)
	}
	if !slices.Equal(f.sent, []string{"txn", "txn"}) {
		t.Errorf("sent %q: the failed transaction brings the newer state itself", f.sent)
	}
}

func TestUpdateFromACurrentCacheReadsNothing(t *testing.T) {
	f, s, _ := newStore()
	cached := put(t, f, s, "a", "1")
	f.sent = nil
	d := start(s, "a", cached, false, set("a", "2"))
	f.run()
	if d.err != nil || !slices.Equal(f.sent, []string{"txn"}) {
		t.Errorf("sent %q, %v", f.sent, d.err)
	}
}

func TestARefusalFromAStaleCacheIsChecked(t *testing.T) {
	refuse1 := func(old api.Object) (Decision, error) {
		if old.(*corev1.ConfigMap).Data["v"] == "1" {
			return Decision{}, errors.New("no 1")
		}
		return Decision{Action: Put, Object: configMap("a", "3")}, nil
	}
	f, s, _ := newStore()
	stale := put(t, f, s, "a", "1")
	d := start(s, "a", stale, false, refuse1)
	f.run()
	if d.err == nil || d.err.Error() != "no 1" || len(d.saw) != 1 {
		t.Errorf("the store agrees with the cache: %v after %q", d.err, d.saw)
	}
	put(t, f, s, "a", "2")
	d = start(s, "a", stale, false, refuse1)
	f.run()
	if d.err != nil || !slices.Equal(d.saw, []string{"1", "2"}) {
		t.Errorf("the store had moved on: %v after %q", d.err, d.saw)
	}
}

func TestNothingToDoOnAStaleCacheIsChecked(t *testing.T) {
	keep2 := func(old api.Object) (Decision, error) {
		if old.(*corev1.ConfigMap).Data["v"] == "2" {
			return Decision{Action: Nothing}, nil
		}
		return Decision{Action: Put, Object: configMap("a", "2")}, nil
	}
	f, s, _ := newStore()
	stale := put(t, f, s, "a", "2")
	d := start(s, "a", stale, false, keep2)
	f.run()
	if d.obj != stale || d.err != nil {
		t.Errorf("unchanged: %v, %v", d.obj, d.err)
	}
	put(t, f, s, "a", "3")
	d = start(s, "a", stale, false, keep2)
	f.run()
	if d.err != nil || d.obj.(*corev1.ConfigMap).Data["v"] != "2" || d.obj == stale {
		t.Errorf("the store had 3: %v, %v", d.obj, d.err)
	}
}

func TestRemoval(t *testing.T) {
	f, s, _ := newStore()
	obj := put(t, f, s, "a", "1")
	remove := func(old api.Object) (Decision, error) { return Decision{Action: Remove}, nil }
	d := start(s, "a", obj, false, remove)
	f.run()
	if d.err != nil || d.obj.GetResourceVersion() != "3" || obj.GetResourceVersion() != "2" {
		t.Errorf("removed %v (%v), stored %s", d.obj, d.err, obj.GetResourceVersion())
	}
	d = start(s, "a", obj, false, remove)
	f.run()
	if !errors.Is(d.err, ErrKeyNotFound) {
		t.Errorf("removed twice: %v", d.err)
	}
}

func TestPutThenRemoveIsTwoRevisions(t *testing.T) {
	f, s, _ := newStore()
	obj := put(t, f, s, "a", "1")
	d := start(s, "a", obj, false, func(api.Object) (Decision, error) {
		return Decision{Action: PutThenRemove, Object: configMap("a", "going")}, nil
	})
	f.run()
	if d.err != nil || d.obj.GetResourceVersion() != "4" || d.obj.(*corev1.ConfigMap).Data["v"] != "going" {
		t.Errorf("%v, %v", d.obj, d.err)
	}
	if records := f.kv.Records(3); len(records) != 2 || !records[1].Deleted() {
		t.Errorf("%d records after the first", len(records))
	}
}

func TestBeforeMustSucceedFirst(t *testing.T) {
	f, s, _ := newStore()
	budget := put(t, f, s, "budget", "1")
	obj := put(t, f, s, "a", "x")
	asked := 0
	d := start(s, "a", obj, false, func(api.Object) (Decision, error) {
		asked++
		if asked == 1 {
			put(t, f, s, "budget", "0") // Somebody else is faster.
		}
		revision := int64(api.ParseRV(budget.GetResourceVersion()))
		if asked > 1 {
			return Decision{}, errors.New("budget is gone")
		}
		return Decision{Action: Remove, Before: []Before{{Key: keyOf("budget"), Revision: revision, Object: configMap("budget", "0")}}}, nil
	})
	f.run()
	f.run()
	if asked < 2 || d.err == nil || d.err.Error() != "budget is gone" {
		t.Errorf("asked %d times, %v", asked, d.err)
	}
}

func TestLeasesAreShared(t *testing.T) {
	f := newFake()
	now := int64(0)
	s := New(f, func() int64 { return now }, nil)
	create := func(name string) {
		d := start(s, name, nil, true, func(api.Object) (Decision, error) {
			return Decision{Action: Put, Object: configMap(name, ""), TTL: time.Hour}, nil
		})
		f.run()
		if d.err != nil {
			t.Fatal(d.err)
		}
	}
	for i := range 10 {
		create(fmt.Sprint("first-", i))
	}
	now += 59 * int64(time.Second)
	create("within the minute")
	now += 2 * int64(time.Second)
	create("after it")
	if !slices.Equal(f.grants, []int64{3660, 3660}) {
		t.Errorf("granted leases of %v s, want two of an hour and a minute", f.grants)
	}
	for i := range 1001 {
		create(fmt.Sprint("many-", i))
	}
	if len(f.grants) != 3 {
		t.Errorf("%d leases, want a third after 1000 objects", len(f.grants))
	}
}

func TestListPages(t *testing.T) {
	f, s, _ := newStore()
	for i := range 25 {
		put(t, f, s, fmt.Sprintf("c%02d", i), fmt.Sprint(i%5))
	}
	list := func(q Query) (p Page, err error) {
		q.Prefix = prefix
		s.List(q, func(page Page, e error) { p, err = page, e })
		f.run()
		return p, err
	}
	first, err := list(Query{Limit: 10, Plain: true})
	if err != nil || len(first.Items) != 10 || *first.Remaining != 15 || first.Revision != 26 {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	put(t, f, s, "c00a", "late")
	rest, err := list(Query{Continue: first.Continue, Limit: 100})
	if err != nil || len(rest.Items) != 15 || rest.Revision != 26 || rest.Continue != "" {
		t.Errorf("the rest at the first page's revision: %d items at %d, %v", len(rest.Items), rest.Revision, err)
	}
	// A selector that drops four of five reads on until the page is full.
	some, err := list(Query{Limit: 3, Match: func(o api.Object) bool { return o.(*corev1.ConfigMap).Data["v"] == "4" }})
	if err != nil || len(some.Items) != 3 || some.Continue == "" || some.Remaining != nil {
		t.Errorf("selective page: %d items, continue %q, %v", len(some.Items), some.Continue, err)
	}
	if _, err = list(Query{Revision: 99}); !IsTooLargeResourceVersion(err) {
		t.Errorf("a future revision: %v", err)
	}
	if _, _, err = f.kv.Compact(27); err != nil {
		t.Fatal(err)
	}
	if _, err = list(Query{Revision: 20}); !apierrors.IsResourceExpired(err) || err.Error() != listExpired {
		t.Errorf("a compacted revision: %v", err)
	}
	_, err = list(Query{Continue: first.Continue, Limit: 100})
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.ListMeta.Continue == "" {
		t.Fatalf("a compacted continue: %v", err)
	}
	after, err := list(Query{Continue: status.ErrStatus.ListMeta.Continue, Limit: 100})
	if err != nil || len(after.Items) != 15 || after.Revision != 27 {
		t.Errorf("the inconsistent rest: %d items at %d, %v", len(after.Items), after.Revision, err)
	}
}

func TestContinueTokens(t *testing.T) {
	token := EncodeContinue(prefix+"demo/a", prefix, 7)
	if from, rv, err := DecodeContinue(token, prefix); err != nil || from != prefix+"demo/a\x00" || rv != 7 {
		t.Errorf("%q %d %v", from, rv, err)
	}
	made := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for name, bad := range map[string]string{
		"not base64":     "***",
		"not JSON":       made("{"),
		"other version":  made(`{"v":"x","rv":1,"start":"a"}`),
		"no revision":    made(`{"v":"meta.k8s.io/v1","rv":0,"start":"a"}`),
		"no key":         made(`{"v":"meta.k8s.io/v1","rv":1,"start":""}`),
		"climbs upwards": made(`{"v":"meta.k8s.io/v1","rv":1,"start":"../secrets/x"}`),
	} {
		if _, _, err := DecodeContinue(bad, prefix); err == nil || !strings.HasPrefix(err.Error(), "continue key is not valid") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDetectorFindsModifiers(t *testing.T) {
	f, s, d := newStore()
	var found []string
	d.Found = func(err error) { found = append(found, err.Error()) }
	obj := put(t, f, s, "a", "1").(*corev1.ConfigMap)
	put(t, f, s, "b", "1")
	d.Verify()
	if len(found) != 0 {
		t.Fatalf("nobody has modified anything: %q", found)
	}
	obj.Data["v"] = "secretly"
	d.Verify()
	if len(found) != 1 || !strings.Contains(found[0], "configmaps demo/a was modified") {
		t.Errorf("found %q", found)
	}
}

// Several writers that each add one, from caches of any age, with answers in any order: no addition is lost, none
// counts twice.
func TestConcurrentIncrements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, s, d := newFake(), (*Store)(nil), &Detector{}
		s = New(f, func() int64 { return 0 }, d)
		seen := []api.Object{}
		first := start(s, "n", nil, true, set("n", ""))
		f.run()
		seen = append(seen, first.obj)
		var writers []*decider
		for range rapid.IntRange(1, 20).Draw(t, "writers") {
			cached := seen[rapid.IntRange(0, len(seen)-1).Draw(t, "age")]
			w := start(s, "n", cached, false, func(old api.Object) (Decision, error) {
				return Decision{Action: Put, Object: configMap("n", old.(*corev1.ConfigMap).Data["v"]+"x")}, nil
			})
			writers = append(writers, w)
			for range rapid.IntRange(0, 3).Draw(t, "answers") {
				if len(f.pending) > 0 {
					i := rapid.IntRange(0, len(f.pending)-1).Draw(t, "which")
					f.pending[0], f.pending[i] = f.pending[i], f.pending[0]
					f.step()
				}
			}
			for _, w := range writers {
				if w.obj != nil && !slices.Contains(seen, w.obj) {
					seen = append(seen, w.obj)
				}
			}
		}
		f.run()
		var last api.Object
		s.Get(keyOf("n"), func(o api.Object, _ int64, _ error) { last = o })
		f.run()
		if got := len(last.(*corev1.ConfigMap).Data["v"]); got != len(writers) {
			t.Fatalf("%d writers added %d", len(writers), got)
		}
		for _, w := range writers {
			if w.done != 1 || w.err != nil {
				t.Fatalf("a writer ended %d times with %v", w.done, w.err)
			}
		}
		d.Verify()
	})
}

func TestAnErrorOfTheStoreEndsTheWrite(t *testing.T) {
	f, s, _ := newStore()
	obj := put(t, f, s, "a", "1")
	lost := errors.New("etcdserver: request timed out")
	f.fail = lost
	d := start(s, "a", obj, false, set("a", "2"))
	f.run()
	if !errors.Is(d.err, lost) || d.done != 1 {
		t.Errorf("%v, ended %d times", d.err, d.done)
	}
}

var _ Client = (*fake)(nil)
var _ mvcc.Value = (*Stored)(nil)
