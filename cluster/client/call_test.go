package client

import (
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

func answerPod(*api.Request) (*api.Response, error) {
	return &api.Response{Object: podAt("1", "a", "")}, nil
}

// inTask runs body as a task of a client process beside the server.
func inTask(t *testing.T, server *fakeServer, until time.Duration, c Config, body func(w *world, c *Client, task *sim.Task)) *world {
	t.Helper()
	ended := false
	w := newWorld(t, server, func(w *world, p *host.Process) {
		made := w.client(p, c)
		p.Go("test", func(task *sim.Task) {
			body(w, made, task)
			ended = true
		})
	})
	w.run(t, until)
	if !ended {
		t.Error("the task has not come to its end")
	}
	return w
}

func TestRequestsCarryTheClientsIdentity(t *testing.T) {
	var seen *api.Request
	server := &fakeServer{unary: func(r *api.Request) (*api.Response, error) { seen = r; return answerPod(r) }}
	user := &api.User{Name: "system:kube-scheduler"}
	inTask(t, server, time.Second, Config{User: user, UserAgent: "kube-scheduler/v1.36.3"}, func(w *world, c *Client, task *sim.Task) {
		if p, err := Get[*corev1.Pod](task, c, api.Pods, "default", "a"); err != nil || p.Name != "a" {
			t.Errorf("%v %v", p, err)
		}
	})
	if seen.User != user || seen.UserAgent != "kube-scheduler/v1.36.3" {
		t.Errorf("%+v", seen)
	}
}

func TestRetryAfterIsHonouredTenTimes(t *testing.T) {
	for _, c := range []struct {
		name     string
		refuse   int
		err      error
		requests int
		fails    bool
	}{
		{"429 twice", 2, apierrors.NewTooManyRequests("busy", 3), 3, false},
		{"429 for ever", 99, apierrors.NewTooManyRequests("busy", 3), 11, true},
		{"429 without Retry-After", 99, apierrors.NewTooManyRequests("budget", 0), 1, true},
		{"504 with Retry-After", 1, apierrors.NewServerTimeout(api.Pods.GroupResource(), "get", 3), 2, false},
		{"409", 99, apierrors.NewConflict(api.Pods.GroupResource(), "a", errors.New("changed")), 1, true},
		{"500 without Retry-After", 99, apierrors.NewInternalError(errors.New("x")), 1, true},
	} {
		server := &fakeServer{}
		server.unary = func(r *api.Request) (*api.Response, error) {
			if len(server.requests) <= c.refuse {
				return nil, c.err
			}
			return answerPod(r)
		}
		inTask(t, server, time.Minute, Config{}, func(w *world, client *Client, task *sim.Task) {
			_, err := Create(task, client, api.Pods, podAt("", "a", ""))
			if (err != nil) != c.fails {
				t.Errorf("%s: %v", c.name, err)
			}
			if c.fails && !IsStatus(err) {
				t.Errorf("%s: %v is no status", c.name, err)
			}
			waited := time.Duration(task.Process().Monotonic())
			if want := time.Duration(c.requests-1) * 3 * time.Second; waited < want || waited > want+100*time.Millisecond {
				t.Errorf("%s: took %v, want %v", c.name, waited, want)
			}
		})
		if len(server.requests) != c.requests {
			t.Errorf("%s: %d requests, want %d", c.name, len(server.requests), c.requests)
		}
	}
}

func TestRetriesTakeTokensToo(t *testing.T) {
	server := &fakeServer{}
	server.unary = func(r *api.Request) (*api.Response, error) {
		if len(server.requests) == 1 {
			return nil, apierrors.NewTooManyRequests("busy", 1)
		}
		return answerPod(r)
	}
	newWorld(t, server, func(w *world, p *host.Process) {
		c := w.client(p, Config{Limiter: NewTokenBucket(p, 100, 1)}) // one token each 10 s
		p.Go("test", func(task *sim.Task) {
			if _, err := GetCached[*corev1.Pod](task, c, api.Pods, "default", "a"); err != nil {
				t.Error(err)
			}
			if at := time.Duration(p.Monotonic()); at < 10*time.Second || at > 10100*time.Millisecond {
				t.Errorf("answered at %v", at)
			}
		})
	}).run(t, time.Minute)
	if len(server.requests) != 2 {
		t.Errorf("%q", server.requests)
	}
}

func TestABrokenConnectionRepeatsReadsButNotWrites(t *testing.T) {
	server := &fakeServer{slow: 5 * time.Second, unary: answerPod}
	var read, write error
	w := newWorld(t, server, func(w *world, p *host.Process) {
		c := w.client(p, Config{})
		p.Go("read", func(task *sim.Task) { _, read = Get[*corev1.Pod](task, c, api.Pods, "default", "a") })
		p.Go("write", func(task *sim.Task) { _, write = Update(task, c, api.Pods, podAt("1", "a", "")) })
	})
	w.run(t, 2*time.Second)
	w.process.Restart(100 * time.Millisecond)
	w.run(t, time.Minute)
	if read != nil {
		t.Errorf("read: %v", read)
	}
	if !IsConnectionReset(write) || IsStatus(write) {
		t.Errorf("write: %v", write)
	}
	if len(server.requests) != 3 {
		t.Errorf("%q", server.requests)
	}
}

func TestNobodyListening(t *testing.T) {
	server := &fakeServer{unary: answerPod}
	w := newWorld(t, server, func(w *world, p *host.Process) {
		c := New(p, Config{Network: w.network, Server: "cp-1:1"})
		p.Go("test", func(task *sim.Task) {
			if err := Delete(task, c, api.Pods, "default", "a", nil); !IsConnectionRefused(err) {
				t.Errorf("%v", err)
			}
		})
	})
	w.run(t, time.Second)
}

func TestTimeoutRunsFromTheTokenAndCoversRetries(t *testing.T) {
	server := &fakeServer{slow: 20 * time.Second, unary: answerPod}
	newWorld(t, server, func(w *world, p *host.Process) {
		bucket := NewTokenBucket(p, 100, 1)
		bucket.TryAccept() // the next token is there after 10 s
		c := w.client(p, Config{Limiter: bucket, Timeout: 5 * time.Second})
		p.Go("test", func(task *sim.Task) {
			_, err := Get[*corev1.Pod](task, c, api.Pods, "default", "a")
			if at := time.Duration(p.Monotonic()); !errors.Is(err, ErrDeadlineExceeded) || at != 15*time.Second {
				t.Errorf("%v at %v", err, at)
			}
		})
	}).run(t, time.Minute)
	busy := &fakeServer{unary: func(*api.Request) (*api.Response, error) { return nil, apierrors.NewTooManyRequests("busy", 3) }}
	inTask(t, busy, time.Minute, Config{Timeout: 5 * time.Second}, func(w *world, c *Client, task *sim.Task) {
		_, err := Get[*corev1.Pod](task, c, api.Pods, "default", "a")
		if at := time.Duration(task.Process().Monotonic()); !errors.Is(err, ErrDeadlineExceeded) || at != 5*time.Second {
			// The timeout begins with the first attempt, at once.
			t.Errorf("%v at %v", err, at)
		}
	})
}

func TestATasksDeadlineEndsTheWait(t *testing.T) {
	server := &fakeServer{slow: 20 * time.Second, unary: answerPod}
	inTask(t, server, time.Minute, Config{}, func(w *world, c *Client, task *sim.Task) {
		var err error
		task.Within(time.Second, func() { _, err = Get[*corev1.Pod](task, c, api.Pods, "default", "a") })
		if at := time.Duration(task.Process().Monotonic()); !errors.Is(err, ErrDeadlineExceeded) || at != time.Second {
			t.Errorf("%v at %v", err, at)
		}
	})
}

func TestClientsOfOneBucketTakeTurnsInOrderOfArrival(t *testing.T) {
	var order []string
	server := &fakeServer{unary: func(r *api.Request) (*api.Response, error) {
		order = append(order, r.UserAgent+r.Name)
		return answerPod(r)
	}}
	newWorld(t, server, func(w *world, p *host.Process) {
		bucket := NewTokenBucket(p, 20_000, 2)
		a, b := w.client(p, Config{Limiter: bucket, UserAgent: "a"}), w.client(p, Config{Limiter: bucket, UserAgent: "b"})
		for i := range 3 {
			for _, c := range []*Client{a, b} {
				c.Start(&api.Request{Verb: api.VerbGet, Resource: api.Pods, Name: fmt.Sprint(i)}, func(*api.Response, error) {})
			}
		}
	}).run(t, time.Second)
	if got := fmt.Sprint(order); got != "[a0 b0 a1 b1 a2 b2]" {
		t.Error(got)
	}
}

func TestClientsOfOneProcessShareAConnection(t *testing.T) {
	server := &fakeServer{unary: answerPod}
	var clients []*Client
	w := newWorld(t, server, func(w *world, p *host.Process) {
		for range 5 {
			c := w.client(p, Config{})
			c.Start(&api.Request{Verb: api.VerbGet, Resource: api.Pods, Name: "a"}, func(*api.Response, error) {})
			clients = append(clients, c)
		}
	})
	w.run(t, time.Second)
	for _, c := range clients {
		if c.conn != clients[0].conn {
			t.Error("two clients of one process and server have connections of their own")
		}
	}
}

func TestCodingIsCharged(t *testing.T) {
	server := &fakeServer{unary: answerPod}
	newWorld(t, server, func(w *world, p *host.Process) {
		p.Costs().Register("client.encode", host.Cost{Fixed: 100 * time.Millisecond})
		p.Costs().Register("client.decode", host.Cost{Fixed: 200 * time.Millisecond})
		c := w.client(p, Config{})
		p.Go("test", func(task *sim.Task) {
			if _, err := Get[*corev1.Pod](task, c, api.Pods, "default", "a"); err != nil {
				t.Error(err)
			}
			if p.CPU() != 300*time.Millisecond || p.Monotonic() < sim.Monotonic(300*time.Millisecond) {
				t.Errorf("%v of CPU by %v", p.CPU(), p.Monotonic())
			}
		})
	}).run(t, time.Second)
}

func TestRequestsAreMeasuredAsClientGoDoes(t *testing.T) {
	r := metrics.NewRegistry()
	server := &fakeServer{}
	server.unary = func(q *api.Request) (*api.Response, error) {
		if len(server.requests) == 1 {
			return nil, apierrors.NewTooManyRequests("busy", 1)
		}
		return answerPod(q)
	}
	inTask(t, server, time.Minute, Config{Metrics: r}, func(w *world, c *Client, task *sim.Task) {
		if _, err := Create(task, c, api.Pods, podAt("", "a", "")); err != nil {
			t.Error(err)
		}
	})
	host := string(fakeAddress)
	for code, want := range map[string]int64{"429": 1, "201": 1, "200": 0} {
		if n := r.Sum("rest_client_requests_total", "code", code, "method", "POST", "host", host); n != want {
			t.Errorf("%d with code %s, want %d", n, code, want)
		}
	}
	if n := r.Sum("rest_client_request_retries_total", "code", "201"); n != 1 {
		t.Errorf("%d retries", n)
	}
	h := r.Histogram("rest_client_request_duration_seconds", "host", host, "verb", "POST")
	if h.Count() != 1 || h.Min() < int64(time.Second) {
		t.Errorf("%d requests, %v", h.Count(), time.Duration(h.Min()))
	}
}

func BenchmarkStartThroughTheNetwork(b *testing.B) {
	server := &fakeServer{unary: answerPod}
	response, _ := answerPod(nil)
	s := sim.New(sim.Config{})
	defer s.Close()
	n := network.New(s, network.Config{})
	host.NewMachine(s, host.Config{Name: "cp-1"}).Spawn("server", func(p *host.Process) {
		server.p = p
		n.Listen(p, fakeAddress, quietServer{response})
	})
	left := b.N
	host.NewMachine(s, host.Config{Name: "node-1"}).Spawn("client", func(p *host.Process) {
		c := New(p, Config{Network: n, Server: fakeAddress})
		var again func(*api.Response, error)
		again = func(*api.Response, error) {
			if left--; left > 0 {
				c.Start(&api.Request{Verb: api.VerbGet, Resource: api.Pods, Namespace: "default", Name: "a"}, again)
			}
		}
		again(nil, nil)
	})
	b.ReportAllocs()
	b.ResetTimer()
	for !s.Idle() && left > 0 {
		if _, err := s.Step(); err != nil {
			b.Fatal(err)
		}
	}
}

// quietServer answers everything with the same.
type quietServer struct{ response *api.Response }

func (q quietServer) ServeCall(c *network.ServerCall)      { c.Reply(q.response, 100) }
func (q quietServer) ServeStream(st *network.ServerStream) {}
