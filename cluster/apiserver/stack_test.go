package apiserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// stack is a world over a real store: three members, two of them beside an API server.
type stack struct {
	*world
	members   []*etcd.Member
	stores    []*host.Process
	canonical *etcd.Canonical
	log       []etcd.Commit // what was committed, in order
}

func newStack(t tester, seed uint64, configure ...func(*Config)) *stack {
	s := sim.New(sim.Config{Seed: seed, NoWatchdog: true})
	t.Cleanup(s.Close)
	w := &world{t: t, s: s, n: network.New(s, network.Config{}), conns: map[network.Address]*network.Conn{},
		detector: &storage.Detector{}, servers: make([]*Server, 2)}
	k := &stack{world: w, members: make([]*etcd.Member, 3), canonical: etcd.NewCanonical(s)}
	k.canonical.Subscribe(func(c etcd.Commit) { k.log = append(k.log, c) })
	k.startStore()
	for i := range 2 {
		w.hosts = append(w.hosts, host.FleetOf(s).Machine(fmt.Sprint("cp", i)).Spawn("kube-apiserver", func(p *host.Process) {
			c := Config{Network: w.n, Address: address(i), AdvertiseIP: fmt.Sprint("192.168.0.", i+1), Detector: w.detector,
				Etcd: []network.Address{"cp0:2379", "cp1:2379", "cp2:2379"}}
			for _, f := range configure {
				f(&c)
			}
			w.servers[i] = Start(p, c)
		}))
	}
	w.client = host.NewMachine(s, host.Config{Name: "laptop", Cores: 4, Zone: "a"}).Spawn("kubectl", func(*host.Process) {})
	w.run(10 * time.Second)
	w.must(0, create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}}))
	return k
}

func (k *stack) startStore() {
	var peers []etcd.Peer
	for i := range 3 {
		name := fmt.Sprint("cp", i)
		peers = append(peers, etcd.Peer{Name: name, PeerAddress: network.Address(name + ":2380"), ClientAddress: network.Address(name + ":2379")})
	}
	for i, peer := range peers {
		m := host.NewMachine(k.s, host.Config{Name: peer.Name, Cores: 4, Zone: "a"})
		k.stores = append(k.stores, m.Spawn("etcd", func(p *host.Process) {
			k.members[i] = etcd.StartMember(p, etcd.MemberConfig{Name: peer.Name, Network: k.n, ClientAddress: peer.ClientAddress,
				PeerAddress: peer.PeerAddress, InitialCluster: peers, Canonical: k.canonical})
		}))
	}
}

func (k *stack) leader() int {
	for i, m := range k.members {
		if k.stores[i].IsUp() && m.IsLeader() {
			return i
		}
	}
	return -1
}

func TestTheWholeStack(t *testing.T) {
	k := newStack(t, 1)
	watch := k.watch(1, &api.Request{Resource: api.ConfigMaps, Namespace: "default", SendInitialEvents: true, AllowBookmarks: true,
		Match: metav1.ResourceVersionMatchNotOlderThan})
	a := k.must(0, create(configMap("a", "1"))).Object.(*corev1.ConfigMap)
	if got := k.must(1, get(api.ConfigMaps, "default", "a")).Object; got != api.Object(a) {
		t.Error("three members and two servers show different objects for one revision")
	}
	changed := a.DeepCopy()
	changed.Data["v"] = "2"
	b := k.must(1, update(changed)).Object
	k.must(0, create(testPod("p", "")))
	for i := range 2 {
		if got := names(k.must(i, list(api.Pods, "")).List); !slices.Equal(got, []string{"p"}) {
			t.Errorf("server %d lists %q", i, got)
		}
	}
	k.must(0, remove(api.ConfigMaps, "default", "a"))
	k.run(time.Second)
	var got []string
	for _, l := range watch.take() {
		if !strings.HasPrefix(l, "BOOKMARK") || strings.HasSuffix(l, "end") {
			got = append(got, l[:strings.LastIndexAny(l, "@ ")])
		}
	}
	if want := []string{"BOOKMARK " + strings.Fields(got[0])[1], "ADDED a", "MODIFIED a", "DELETED a"}; !slices.Equal(got, want) {
		t.Errorf("the watch saw %q, want %q", got, want)
	}
	if b.GetResourceVersion() == a.ResourceVersion {
		t.Error("an update kept its resource version")
	}
	if n := k.servers[0].metrics.fallbacks.Value() + k.servers[1].metrics.fallbacks.Value(); n != 0 {
		t.Errorf("%d consistent reads fell back to the store on a healthy cluster", n)
	}
	k.detector.Verify()
}

// The store loses its leader: writes go on after the election, and no client's watch is ended or misses anything.
func TestTheStoresLeaderDies(t *testing.T) {
	k := newStack(t, 2)
	var watches []*watched
	for i := range 2 {
		revision := api.FormatRV(k.servers[i].cachers[api.ConfigMaps.ID].cache.Revision())
		watches = append(watches, k.watch(i, &api.Request{Resource: api.ConfigMaps, Namespace: "default", ResourceVersion: revision}))
	}
	answered := 0
	for i := range 40 {
		k.send(i%2, create(configMap(fmt.Sprintf("c%02d", i), "1")), func(_ *api.Response, err error) {
			if err == nil {
				answered++
			}
		})
		if i == 10 {
			k.stores[k.leader()].Restart(5 * time.Second)
		}
		k.run(200 * time.Millisecond)
	}
	k.run(20 * time.Second)
	stored := names(k.must(0, list(api.ConfigMaps, "default")).List)
	if answered < 30 || len(stored) < answered {
		t.Errorf("%d of 40 answered, %d stored", answered, len(stored))
	}
	for i, w := range watches {
		if w.closed || len(w.events) != len(stored) {
			t.Errorf("server %d: the watch saw %d of %d, closed %v (%v)", i, len(w.events), len(stored), w.closed, w.err)
		}
	}
}

// truthAt adds the canonical log up to a revision.
func (k *stack) truthAt(revision uint64) (lines []string) {
	prefix := registry.For(api.ConfigMaps).Prefix("default")
	state := map[string]string{}
	for _, c := range k.log {
		if uint64(c.Revision) > revision {
			break
		}
		for _, e := range c.Events {
			if !strings.HasPrefix(e.KV.Key, prefix) {
				continue
			}
			if delete(state, e.KV.Key); e.Type == etcd.Put {
				state[e.KV.Key] = line(e.KV.Value.(*storage.Stored).At(e.KV.ModRevision))
			}
		}
	}
	for _, l := range state { //sim:unordered sorted below
		lines = append(lines, l)
	}
	slices.Sort(lines)
	return lines
}

// Members and servers die and come back while clients read and write through both servers. What is listed is what was
// committed at the list's revision, never older than what was answered before.
func TestTheStackUnderFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newStack(asTB{t}, rapid.Uint64().Draw(t, "seed"))
		defer k.s.Close()
		acked, open := uint64(0), 0
		for range rapid.IntRange(5, 30).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "server")
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				k.stores[rapid.IntRange(0, 2).Draw(t, "member")].Restart(time.Second)
			case 1:
				k.hosts[i].Restart(time.Second)
			case 2, 3, 4:
				k.send(i, create(configMap(fmt.Sprint("c", len(k.log)), "1")), func(r *api.Response, err error) {
					if err == nil {
						acked = max(acked, api.ParseRV(r.Object.GetResourceVersion()))
					}
				})
			default:
				atLeast := acked
				open++
				k.send(i, list(api.ConfigMaps, "default"), func(r *api.Response, err error) {
					if open--; err != nil {
						return // A server or the store was down: no answer is no lie.
					}
					at := api.ParseRV(r.List.ResourceVersion)
					if got, want := lines(r.List), k.truthAt(at); at < atLeast || !slices.Equal(got, want) {
						t.Fatalf("listed at %d (answered before: %d): %q, committed %q", at, atLeast, got, want)
					}
				})
			}
			k.run(time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond)
		}
		k.run(2 * time.Minute)
		if open != 0 {
			t.Fatalf("%d lists were never answered", open)
		}
		for i := range 2 {
			if got, want := lines(k.must(i, list(api.ConfigMaps, "default")).List), k.truthAt(1<<62); !slices.Equal(got, want) {
				t.Fatalf("at the end server %d lists %q, committed %q", i, got, want)
			}
		}
		k.detector.Verify()
	})
}
