package objects

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/generators"
)

// Config is what a load makes. It is read only, so that runs may share it.
type Config struct {
	// Name is the stream's.
	Name string
	// Arrival makes a process for a run.
	Arrival func() generators.Process
	// For is how long objects arrive, Count how many at most; 0 is without limit, of one of the two.
	For   time.Duration
	Count int
	// Lifetime is in nanoseconds; nil for ever.
	Lifetime generators.Distribution
	Template api.Object
	Resource *api.Resource
	Sizes    []Size
}

// Load is one under way.
type Load struct {
	config     *Config
	client     *client.Client
	simulation *sim.Simulation
	draws      *sim.Stream
	process    generators.Process
	began      sim.Time
	done       func()

	arrival, departure sim.Kind
	// ages are the lifetimes of pods that do not run yet, by key.
	ages map[string]time.Duration
	made int
	open int

	// Created and Deleted count what the API has answered, Failed requests that it has not done.
	Created, Deleted, Failed int
	// FirstError is what the first of those was told.
	FirstError error
}

// What a load draws, beside the arrivals. Quantities have a purpose each from purposeSize on.
const (
	purposeLifetime = generators.FreePurpose + iota
	purposeSize
)

// Start begins; done is called when the last object has been created, or could not be.
func Start(c *Config, by *client.Client, s *sim.Simulation, done func()) *Load {
	l := &Load{
		config: c, client: by, simulation: s, draws: s.Stream("workload/" + c.Name), process: c.Arrival(), began: s.Now(), done: done,
		ages: map[string]time.Duration{},
	}
	p := by.Process()
	l.arrival, l.departure = p.Kind("workload.arrival", arrive), p.Kind("workload.departure", depart)
	l.next()
	return l
}

// next plans the next arrival, if there is one.
func (l *Load) next() {
	at := l.simulation.Now().Sub(l.began)
	gap := l.process.Gap(l.draws, at)
	if l.config.Count > 0 && l.made >= l.config.Count || l.config.For > 0 && at+gap > l.config.For {
		l.process = nil
		l.consider()
		return
	}
	l.client.Process().AtTime(l.simulation.Now().Add(gap), 0, l.arrival, 0, l)
}

// consider reports the end.
func (l *Load) consider() {
	if l.process == nil && l.open == 0 && l.done != nil {
		done := l.done
		l.done = nil
		done()
	}
}

func arrive(_ uint64, ref any) {
	l := ref.(*Load)
	l.create()
	l.next()
}

// create makes the next object.
func (l *Load) create() {
	o := l.config.Template.DeepCopyObject().(api.Object)
	m := api.Meta(o)
	l.made++
	m.Name = fmt.Sprintf("%s-%05d", m.Name, l.made)
	for i := range l.config.Sizes {
		size := &l.config.Sizes[i]
		size.apply(o, size.Of.Sample(l.draws.Uint64(size.Quantity.purpose)))
	}
	key, lives := m.Namespace+"/"+m.Name, time.Duration(0)
	if l.config.Lifetime != nil {
		lives = time.Duration(l.config.Lifetime.Sample(l.draws.Uint64(purposeLifetime)))
		if l.config.Resource == api.Pods {
			l.ages[key] = lives
		}
	}
	l.open++
	l.client.Start(&api.Request{Verb: api.VerbCreate, Resource: l.config.Resource, Namespace: m.Namespace, Name: m.Name, Object: o}, func(_ *api.Response, err error) {
		l.open--
		if err != nil {
			l.failed(fmt.Errorf("%s: %w", m.Name, err))
		} else {
			l.Created++
		}
		if l.config.Lifetime != nil && l.config.Resource != api.Pods && err == nil {
			l.departIn(lives, key)
		}
		l.consider()
	})
}

func (l *Load) failed(err error) {
	l.Failed++
	if l.FirstError == nil {
		l.FirstError = err
	}
}

// Commit is to be told of every commit of the store: pods begin to live when they run. It changes nothing in the cluster.
func (l *Load) Commit(c *cluster.Commit) {
	if len(l.ages) == 0 {
		return
	}
	for i := range c.Changes {
		change := &c.Changes[i]
		lives, ours := l.ages[change.Key]
		if change.Resource != api.Pods || !ours {
			continue
		}
		pod, ok := change.New.(*corev1.Pod)
		switch {
		case !ok: // Somebody else has deleted it.
			delete(l.ages, change.Key)
		case pod.Status.Phase != corev1.PodPending && pod.Status.Phase != "":
			delete(l.ages, change.Key)
			l.departIn(lives, change.Key)
		}
	}
}

// departing is an object whose time will be over.
type departing struct {
	load *Load
	key  string
}

func (l *Load) departIn(d time.Duration, key string) {
	l.client.Process().AtTime(l.simulation.Now().Add(d), 0, l.departure, 0, &departing{l, key})
}

func depart(_ uint64, ref any) {
	d := ref.(*departing)
	l := d.load
	namespace, name := api.SplitKey(d.key)
	l.client.Start(&api.Request{Verb: api.VerbDelete, Resource: l.config.Resource, Namespace: namespace, Name: name}, func(_ *api.Response, err error) {
		if err != nil {
			l.failed(fmt.Errorf("%s: %w", name, err))
			return
		}
		l.Deleted++
	})
}
