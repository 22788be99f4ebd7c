package runtime

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

type world struct {
	testing.TB
	s       *sim.Simulation
	machine *host.Machine
	r       *Runtime
	caller  *host.Process
}

func newWorld(t testing.TB, images map[string]Image) *world {
	s := sim.New(sim.Config{Seed: 1})
	t.Cleanup(s.Close)
	m := host.NewMachine(s, host.Config{Name: "n", Cores: 2})
	w := &world{TB: t, s: s, machine: m, r: New(m, Config{Catalogue: NewCatalogue(images)})}
	w.caller = m.Spawn("kubelet", func(*host.Process) {})
	if err := w.r.SetPodCIDR("10.1.2.0/29"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) run(d time.Duration) {
	w.Helper()
	if err := w.s.Run(w.s.Now().Add(d)); err != nil {
		w.Fatal(err)
	}
}

// start runs one container of the image in a pod of its own.
func (w *world) start(uid types.UID, image string) (id string) {
	w.Helper()
	fail := func(err error) {
		if err != nil {
			w.Fatal(err)
		}
	}
	w.r.Preload(image)
	w.r.RunSandbox(w.caller, Sandbox{UID: uid, Name: string(uid)}, func(sandbox string, err error) {
		fail(err)
		w.r.CreateContainer(w.caller, Container{Pod: uid, Sandbox: sandbox, Name: "c", Image: image}, func(c string, err error) {
			fail(err)
			id = c
			w.r.StartContainer(w.caller, uid, c, fail)
		})
	})
	for range 100 {
		if c := w.r.Status(uid).Container("c"); c != nil && c.State == Running {
			return id
		}
		w.run(100 * time.Millisecond)
	}
	w.Fatalf("%s was never started", image)
	return ""
}

func (w *world) state(uid types.UID) *ContainerStatus { return w.r.Status(uid).Container("c") }

func TestAContainerEndsAsItsImageSays(t *testing.T) {
	images := map[string]Image{
		"job": {RunFor: 3 * time.Second}, "bad": {RunFor: 3 * time.Second, ExitCode: 7}, "oom": {RunFor: 3 * time.Second, OOMKilled: true},
		"once": {RunFor: 3 * time.Second, ExitCode: 1, Crashes: 1},
	}
	w := newWorld(t, images)
	for image, want := range map[string]struct {
		code   int32
		reason string
	}{"job": {0, ReasonCompleted}, "bad": {7, ReasonError}, "oom": {137, ReasonOOMKilled}, "once": {1, ReasonError}} {
		uid := types.UID(image)
		w.start(uid, image)
		w.run(2900 * time.Millisecond)
		w.run(200 * time.Millisecond)
		c := w.state(uid)
		if c.State != Exited || c.ExitCode != want.code || c.Reason != want.reason || time.Duration(c.FinishedAt-c.StartedAt) != 3*time.Second {
			t.Errorf("%s: %+v", image, c)
		}
	}
}

func TestStoppingSendsTermThenKill(t *testing.T) {
	w := newWorld(t, map[string]Image{"deaf": {IgnoreSIGTERM: true}, "rude": {TermExitCode: ExitTerm}})
	for image, want := range map[string]struct {
		code  int32
		after time.Duration
	}{"nginx": {0, time.Second}, "rude": {ExitTerm, time.Second}, "deaf": {ExitKilled, 5 * time.Second}} {
		uid := types.UID(image)
		id := w.start(uid, image)
		began := w.s.Now()
		var took time.Duration
		w.r.StopContainer(w.caller, uid, id, 5*time.Second, func(err error) {
			if err != nil {
				t.Error(err)
			}
			took = w.s.Now().Sub(began)
		})
		w.run(10 * time.Second)
		if c := w.state(uid); c.ExitCode != want.code || took != want.after {
			t.Errorf("%s: exit code %d after %v, want %d after %v", image, c.ExitCode, took, want.code, want.after)
		}
	}
}

func TestAShorterGraceBringsTheKillForward(t *testing.T) {
	w := newWorld(t, map[string]Image{"deaf": {IgnoreSIGTERM: true}})
	id := w.start("u", "deaf")
	began := w.s.Now()
	w.r.StopContainer(w.caller, "u", id, time.Minute, func(error) {})
	w.run(2 * time.Second)
	w.r.StopContainer(w.caller, "u", id, 3*time.Second, func(error) {})
	w.r.StopContainer(w.caller, "u", id, time.Hour, func(error) {})
	w.run(time.Minute)
	if c := w.state("u"); c.FinishedAt-sim.Wall(began)-w.wallStart() != sim.Wall(5*time.Second) {
		t.Errorf("killed after %v", time.Duration(c.FinishedAt-sim.Wall(began)-w.wallStart()))
	}
}

func (w *world) wallStart() sim.Wall { return w.caller.Wall() - sim.Wall(w.s.Now()) }

func TestContainersOutliveContainerdButNotTheMachine(t *testing.T) {
	w := newWorld(t, nil)
	w.start("u", "nginx")
	w.r.Daemon().Kill()
	failure := error(nil)
	w.r.StopContainer(w.caller, "u", "x", 0, func(err error) { failure = err })
	w.run(time.Second)
	if !errors.Is(failure, ErrUnavailable) || w.state("u").State != Running {
		t.Errorf("containerd is down: call %v, container %s", failure, w.state("u").State)
	}
	w.r.Daemon().Start()
	w.run(time.Second)
	if w.state("u").State != Running {
		t.Error("restarting containerd ended a container")
	}
	w.machine.Crash()
	w.run(time.Second)
	w.machine.Boot()
	w.run(time.Second)
	c, s := w.state("u"), w.r.Status("u").Sandbox()
	if c.State != Exited || c.ExitCode != ExitUnknown || c.Reason != ReasonUnknown || s.Ready || !w.r.HasImage("nginx") {
		t.Errorf("after a crash: %+v %+v", c, s)
	}
}

func TestACallerThatDiedHearsNothing(t *testing.T) {
	w := newWorld(t, nil)
	called := false
	w.r.Pull(w.caller, "nginx", func(string, int64, error) { called = true })
	w.caller.Kill()
	w.caller.Start()
	w.run(time.Minute)
	if called {
		t.Error("the answer went to the next incarnation")
	}
	if !w.r.HasImage("nginx") {
		t.Error("the pull went on all the same")
	}
}

func TestACallBreaksWithContainerd(t *testing.T) {
	w := newWorld(t, nil)
	var failure error
	w.r.Pull(w.caller, "nginx", func(_ string, _ int64, err error) { failure = err })
	w.run(time.Millisecond)
	w.r.Daemon().Kill()
	w.run(time.Millisecond)
	if !errors.Is(failure, ErrUnavailable) {
		t.Errorf("%v", failure)
	}
}

func TestPullsTakeAsLongAsTheMissingLayers(t *testing.T) {
	base := Layer{Digest: "base", Bytes: 500_000_000}
	w := newWorld(t, map[string]Image{"a": {Layers: []Layer{base, {"a", 100_000_000}}}, "b": {Layers: []Layer{base, {"b", 200_000_000}}}})
	pull := func(name string) time.Duration {
		began, took := w.s.Now(), time.Duration(0)
		w.r.Pull(w.caller, name, func(string, int64, error) { took = w.s.Now().Sub(began) })
		w.run(time.Minute)
		return took
	}
	for _, c := range []struct {
		image string
		want  time.Duration
	}{{"a", 6 * time.Second}, {"b", 2 * time.Second}, {"a", 0}} {
		if got := pull(c.image); got < c.want || got > c.want+2*time.Second {
			t.Errorf("%s: %v, want %v and the manifest", c.image, got, c.want)
		}
	}
}

func TestTheCatalogueRemembersWhatRanOnDefaults(t *testing.T) {
	w := newWorld(t, map[string]Image{"known": {Bytes: 5}})
	w.start("u", "known:1")
	w.start("v", "other")
	uses := w.r.Catalogue().Uses()
	if len(uses) != 2 || !uses[0].Described || uses[1].Described || uses[1].Image != "other" || uses[1].Starts != 1 {
		t.Errorf("%+v", uses)
	}
}

func TestImageNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"nginx":                  {"docker.io/library/nginx:latest", "docker.io/library/nginx"},
		"nginx:1.25":             {"docker.io/library/nginx:1.25", "docker.io/library/nginx"},
		"bitnami/redis:7":        {"docker.io/bitnami/redis:7", "docker.io/bitnami/redis"},
		"registry.k8s.io/etcd:3": {"registry.k8s.io/etcd:3", "registry.k8s.io/etcd"},
		"localhost:5000/a":       {"localhost:5000/a:latest", "localhost:5000/a"},
		"a@sha256:00":            {"docker.io/library/a@sha256:00", "docker.io/library/a"},
	} {
		if got := Canonical(name); got != want[0] {
			t.Errorf("Canonical(%s) = %s, want %s", name, got, want[0])
		}
		if got := Reference(name); !strings.HasPrefix(got, want[1]+"@sha256:") {
			t.Errorf("Reference(%s) = %s", name, got)
		}
	}
}

// The twin is a set: an address is given to one at a time, and to somebody as long as one is free.
func TestAddressesAreGivenOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a addresses
		if err := a.set("10.0.0.0/29"); err != nil {
			t.Fatal(err)
		}
		held := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(held) > 0 && rapid.Bool().Draw(t, "release") {
				for ip := range held {
					a.release(ip)
					delete(held, ip)
					break
				}
				continue
			}
			ip, ok := a.take()
			if ok != (len(held) < 5) { // .2 to .6
				t.Fatalf("took %q, %v with %d held", ip, ok, len(held))
			}
			if !ok {
				continue
			}
			if held[ip] || !netip.MustParsePrefix("10.0.0.0/29").Contains(netip.MustParseAddr(ip)) || ip == "10.0.0.1" || ip == "10.0.0.7" || ip == "10.0.0.0" {
				t.Fatalf("gave %s, held %v", ip, held)
			}
			held[ip] = true
		}
	})
}
