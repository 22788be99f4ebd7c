package golden

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Replay carries out a recording's steps on a simulated cluster like the recording's: everything on one machine of two
// cores, one API server, one member of the store, KWOK for the kubelets, nothing else in the cluster.
func Replay(folder string, recording *Transcript, config sim.Config) (*Transcript, error) {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(folder), "stages-golden.yaml"))
	if err != nil {
		return nil, err
	}
	set, err := stages.Load(data)
	if err != nil {
		return nil, err
	}
	s := sim.New(config)
	defer s.Close()
	r := &replay{simulation: s, recording: recording, folder: folder, seed: config.Seed, transcript: &Transcript{Name: recording.Name}}
	r.cluster, err = cluster.New(s, cluster.Topology{
		ControlPlane: cluster.ControlPlane{APIServers: 1, EtcdMembers: 1, Cores: 2, Region: "r1", Headless: true},
		Audit:        r.audit,
	})
	if err != nil {
		return nil, err
	}
	r.startKWOK(set)
	r.cluster.Store().OnCommit(r.commit)
	r.cluster.Kubectl().Process().Go("recording", r.perform)
	for !r.done {
		if err := s.Run(s.Now() + sim.Time(time.Minute)); err != nil {
			return nil, err
		}
		if s.Now() > sim.Time(timeLimitOfReplay) {
			return nil, fmt.Errorf("golden: %s does not come to an end", recording.Name)
		}
	}
	return r.transcript, r.err
}

// timeLimitOfReplay is far more than any recording lasts.
const timeLimitOfReplay = time.Hour

// replay is a replay under way.
type replay struct {
	simulation *sim.Simulation
	cluster    *cluster.Cluster
	recording  *Transcript
	folder     string
	seed       uint64
	task       *sim.Task

	transcript *Transcript
	elected    sim.Time // when the controllers began to lead
	recorded   bool     // the first step has begun, the last has not ended
	zero       sim.Time // when the first step began
	done       bool
	err        error
}

// startKWOK runs KWOK beside the control plane, for the nodes with the recording's label.
func (r *replay) startKWOK(set *stages.Set) {
	r.cluster.ControlPlane()[0].Spawn("kwok", func(p *host.Process) {
		stages.Start(p, stages.Config{
			Network: r.cluster.Network(), Server: "kubernetes:6443", Metrics: r.cluster.Metrics(), Stages: set,
			Manage: func(n *corev1.Node) bool { return n.Labels["kwok-managed"] == "true" },
		})
	})
}

func (r *replay) now() time.Duration { return time.Duration(r.simulation.Now() - r.zero) }

// audit takes a request down. Leases are left out, as by the recorder's audit policy.
func (r *replay) audit(a apiserver.AuditRecord) {
	if !r.recorded || a.Resource == api.Leases {
		return
	}
	request, err := requestOf(a.User, a.UserAgent, a.Verb, a.URI, a.Code)
	r.fail(err)
	if body := a.Request.Object; body != nil && api.ResourceOf(body) != nil {
		request.note(objectOf(api.ResourceOf(body), body))
	}
	request.At = r.now()
	r.transcript.Requests = append(r.transcript.Requests, request)
}

// commit takes changes down as the recorder's watches saw them.
func (r *replay) commit(c cluster.Commit) {
	for _, change := range c.Changes {
		if change.Resource == api.Leases && change.Key == leadership && change.Old == nil {
			r.elected = r.simulation.Now()
		}
	}
	if !r.recorded {
		return
	}
	for _, change := range c.Changes {
		kind, object := "MODIFIED", change.New
		switch {
		case change.Old == nil:
			kind = "ADDED"
		case change.New == nil:
			kind, object = "DELETED", change.Old
		}
		if !watched(change.Resource.Kind, object.GetNamespace(), object.GetName(), r.recording.Name) {
			continue
		}
		r.transcript.Changes = append(r.transcript.Changes, Change{
			At: r.now(), Revision: uint64(c.Revision), Type: kind, Object: objectOf(change.Resource, object),
		})
	}
}

// unwatched are kinds that the recorder did not watch in the namespace.
var unwatched = []string{"Lease", "PriorityClass"}

// watched reports whether the recorder watched an object: what lies in the scenario's namespace, that namespace, nodes, and
// Events in namespace default, which are about nodes and what else is named without a namespace.
func watched(kind, namespace, name, scenario string) bool {
	switch {
	case slices.Contains(unwatched, kind):
		return false
	case kind == "Namespace":
		return name == scenario
	}
	return kind == "Node" || namespace == scenario || kind == "Event" && namespace == "default"
}

func (r *replay) fail(err error) { r.err = errors.Join(r.err, err) }

// perform is the operator: it prepares the cluster and gives the steps.
func (r *replay) perform(t *sim.Task) {
	r.task = t
	defer func() { r.done, r.recorded = true, false }()
	r.prepare()
	r.begin()
	// Each step comes as long after the last condition, or where there was none after the last step, as in the recording.
	anchor, recordedAnchor := time.Duration(0), time.Duration(0)
	for i, step := range r.recording.Steps {
		r.sleepUntil(anchor + step.At - recordedAnchor)
		played := r.step(i, step)
		anchor, recordedAnchor = played.At, step.At
		if n := len(step.Waits); n > 0 {
			anchor, recordedAnchor = played.Waits[n-1].At, step.Waits[n-1].At
		}
		r.transcript.Steps = append(r.transcript.Steps, played)
	}
	r.sleepUntil(anchor + r.recording.end() - recordedAnchor + time.Second)
	r.takeFinal()
}

// end is when the last thing happened.
func (t *Transcript) end() time.Duration {
	end := time.Duration(0)
	for _, s := range t.Steps {
		end = max(end, s.At)
		for _, w := range s.Waits {
			end = max(end, w.At)
		}
	}
	for _, c := range t.Changes {
		end = max(end, c.At)
	}
	for _, q := range t.Requests {
		end = max(end, q.At)
	}
	return end
}

func (r *replay) sleepUntil(at time.Duration) {
	if left := at - r.now(); left > 0 {
		r.task.Sleep(left)
	}
}

// step carries out one step, kubectl's start included, and waits as the recorder did.
func (r *replay) step(number int, recorded Step) Step {
	played := Step{At: r.now(), Name: recorded.Name, Command: recorded.Command}
	sh := r.shell()
	sh.pace = r.pacemaker(played.At, r.recording.writes(number))
	if err := sh.run(recorded.Command); err != nil {
		r.fail(fmt.Errorf("step %q: %w", recorded.Name, err))
	}
	played.Code, played.Output = sh.code, sh.output
	for _, w := range recorded.Waits {
		limit := 2*(w.At-recorded.At) + time.Minute
		played.Waits = append(played.Waits, Wait{At: r.wait(w.Condition, r.now()+limit), Condition: w.Condition})
	}
	return played
}

// pacemaker waits before each write of a step until as long after the step's beginning as in the recording.
func (r *replay) pacemaker(began time.Duration, writes []time.Duration) func() {
	return func() {
		if len(writes) > 0 {
			r.sleepUntil(began + writes[0])
			writes = writes[1:]
		}
	}
}

// poll is how often the recorder looked at a condition, roughly.
const poll = 100 * time.Millisecond

func (r *replay) wait(text string, deadline time.Duration) time.Duration {
	holds, err := parseCondition(text, r.recording.Name)
	if err != nil {
		r.fail(err)
		return r.now()
	}
	sh := r.shell()
	store, seen := r.cluster.Store(), int64(-1)
	for r.now() <= deadline {
		// Looking costs; nothing can have changed where nothing was committed.
		if revision := store.Revision(); revision != seen {
			if seen = revision; holds(sh, store) {
				return r.now()
			}
		}
		r.task.Sleep(poll)
	}
	r.fail(fmt.Errorf("at %v the condition is not met: %s", r.now(), text))
	return r.now()
}

func (r *replay) shell() *shell {
	return &shell{
		task: r.task, client: r.cluster.Kubectl(), variables: map[string]string{},
		read: func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(r.folder), path)) },
	}
}

// takeFinal takes the objects down that the recorder printed at the end.
func (r *replay) takeFinal() {
	for _, recorded := range r.recording.Final {
		resource := api.ForName(recorded.Kind())
		if resource == nil {
			continue
		}
		all, err := client.ListAll[api.Object](r.task, r.cluster.Kubectl(), resource, recorded.Namespace(), nil)
		r.fail(err)
		for _, o := range all {
			object := objectOf(resource, o)
			if !slices.ContainsFunc(r.transcript.Final, func(f Object) bool {
				return f.Kind() == object.Kind() && f.Name() == object.Name() && f.Namespace() == object.Namespace()
			}) {
				r.transcript.Final = append(r.transcript.Final, object)
			}
		}
	}
	slices.SortFunc(r.transcript.Final, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.Kind(), b.Kind()), cmp.Compare(a.Name(), b.Name()))
	})
}
