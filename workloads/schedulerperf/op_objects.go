package schedulerperf

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// createNamespaces creates namespaces <prefix>-<number>.
type createNamespaces struct {
	Opcode string `json:"opcode"`
	amount
	Prefix                string `json:"prefix"`
	NamespaceTemplatePath string `json:"namespaceTemplatePath"`
}

func (o *createNamespaces) prepare(e *environment) (step, error) {
	count, err := o.of(e.params, 0)
	if err != nil {
		return nil, err
	}
	shape := &corev1.Namespace{}
	if o.NamespaceTemplatePath != "" {
		s, err := newSource(e.files, o.NamespaceTemplatePath, 1, typed[corev1.Namespace])
		if err != nil {
			return nil, err
		}
		if shape, err = s.object(0, 1); err != nil {
			return nil, err
		}
	}
	return func(r *runner, t *sim.Task) error {
		for i := range count {
			n := api.Shallow(shape)
			n.Name = fmt.Sprintf("%s-%d", o.Prefix, i)
			if _, err := client.Create(t, r.client(), api.Namespaces, n); err != nil && !apierrors.IsAlreadyExists(err) {
				return err
			}
			r.know(n.Name)
		}
		return nil
	}, nil
}

// know remembers a namespace that pods may be waited for in.
func (r *runner) know(namespace string) {
	if _, known := r.awaited[namespace]; !known {
		r.awaited[namespace] = 0
	}
}

// ensureNamespace creates a namespace that does not exist.
func (r *runner) ensureNamespace(t *sim.Task, name string) error {
	r.know(name)
	if _, exists := r.cluster.Store().Get(api.Namespaces, name); exists {
		return nil
	}
	_, err := client.Create(t, r.client(), api.Namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	return err
}

// createAny creates objects of any kind.
type createAny struct {
	Opcode string `json:"opcode"`
	amount
	Namespace    string `json:"namespace"`
	TemplatePath string `json:"templatePath"`
}

// How long and how often upstream tries (operations.go, createAny.create).
const (
	createAnyLimit = 20 * time.Second
	createAnyPause = time.Second
)

func (o *createAny) prepare(e *environment) (step, error) {
	count, objects, err := prepareAny(e, o.amount, o.TemplatePath, o.Namespace)
	return func(r *runner, t *sim.Task) error {
		if err := r.ensureFor(t, o.Namespace); err != nil {
			return err
		}
		for i := range count {
			object, err := objects.object(i, count)
			if err != nil {
				return err
			}
			if err := o.create(r, t, object); err != nil {
				return fmt.Errorf("%s: %w", objects.file, err)
			}
		}
		return nil
	}, err
}

func (o *createAny) create(r *runner, t *sim.Task, object api.Object) error {
	resource := api.ResourceOf(object)
	object = inNamespace(object, o.Namespace)
	for end := r.now().Add(createAnyLimit); ; t.Sleep(createAnyPause) {
		_, err := client.Create(t, r.client(), resource, object)
		if err == nil || r.now() >= end {
			return err
		}
	}
}

// ensureFor creates the namespace of namespaced objects.
func (r *runner) ensureFor(t *sim.Task, namespace string) error {
	if namespace == "" {
		return nil
	}
	return r.ensureNamespace(t, namespace)
}

// inNamespace is the object in the namespace.
func inNamespace(object api.Object, namespace string) api.Object {
	object = api.ShallowCopy(object)
	object.SetNamespace(namespace)
	return object
}

// prepareAny reads what createAny and updateAny are about; an object must have a namespace if it is of such a kind, and none else.
func prepareAny(e *environment, a amount, file, namespace string) (int, *source[api.Object], error) {
	if file == "" {
		return 0, nil, fmt.Errorf("templatePath must be set")
	}
	count, err := a.of(e.params, 1)
	if err != nil {
		return 0, nil, err
	}
	objects, err := newSource(e.files, file, count, anyKind)
	if err != nil {
		return 0, nil, err
	}
	first, err := objects.object(0, max(count, 1))
	if err != nil {
		return 0, nil, err
	}
	switch r := api.ResourceOf(first); {
	case r.Namespaced && namespace == "":
		return 0, nil, fmt.Errorf("namespace not set for %q, but %s are namespaced", file, r)
	case !r.Namespaced && namespace != "":
		return 0, nil, fmt.Errorf("namespace %q set for %q, but %s have none", namespace, file, r)
	}
	return count, objects, nil
}

// updateAny replaces objects of any kind, and then their status, with what a template says.
type updateAny struct {
	Opcode string `json:"opcode"`
	amount
	Namespace       string   `json:"namespace"`
	TemplatePath    string   `json:"templatePath"`
	UpdatePerSecond int      `json:"updatePerSecond"`
	Subresources    []string `json:"subresources"`
}

func (o *updateAny) prepare(e *environment) (step, error) {
	if o.UpdatePerSecond < 0 {
		return nil, fmt.Errorf("invalid updatePerSecond %d: want at least 0", o.UpdatePerSecond)
	}
	if len(o.Subresources) > 1 {
		return nil, fmt.Errorf("subresources %v: want at most one", o.Subresources)
	}
	count, objects, err := prepareAny(e, o.amount, o.TemplatePath, o.Namespace)
	return func(r *runner, t *sim.Task) error {
		if err := r.ensureFor(t, o.Namespace); err != nil {
			return err
		}
		pace := newPace(r, o.UpdatePerSecond)
		for i := range count {
			pace.wait(t)
			object, err := objects.object(i, count)
			if err != nil {
				return err
			}
			if err := o.update(r, t, inNamespace(object, o.Namespace)); err != nil {
				return fmt.Errorf("%s: failed to update object: %w", objects.file, err)
			}
		}
		return nil
	}, err
}

func (o *updateAny) update(r *runner, t *sim.Task, object api.Object) error {
	resource, m := api.ResourceOf(object), api.Meta(object)
	request := func(subresource string) error {
		_, err := r.client().Do(t, &api.Request{
			Verb: api.VerbUpdate, Resource: resource, Namespace: m.Namespace, Name: m.Name, Object: object, Subresource: subresource,
		})
		return err
	}
	subresource := ""
	if len(o.Subresources) > 0 {
		subresource = o.Subresources[0]
	}
	if err := request(subresource); err != nil {
		return err
	}
	return request("status")
}

// pace lets things happen so many times a second, the first after one period; without limit if that is zero.
type pace struct {
	r      *runner
	period time.Duration
	next   sim.Time
}

func newPace(r *runner, perSecond int) *pace {
	if perSecond == 0 {
		return &pace{}
	}
	return every(r, time.Second/time.Duration(perSecond))
}

func every(r *runner, period time.Duration) *pace {
	return &pace{r, period, r.now().Add(period)}
}

// wait waits for the next turn. Turns that were missed are left out but for one, as with Go's tickers.
func (p *pace) wait(t *sim.Task) {
	if p.period == 0 {
		return
	}
	if d := p.next.Sub(p.r.now()); d > 0 {
		t.Sleep(d)
	}
	for p.next = p.next.Add(p.period); p.r.now() >= p.next.Add(p.period); {
		p.next = p.next.Add(p.period)
	}
}

// churn creates, or creates and deletes, objects beside the operations that follow.
type churn struct {
	Opcode               string   `json:"opcode"`
	Mode                 string   `json:"mode"`
	Number               int      `json:"number"`
	IntervalMilliseconds int64    `json:"intervalMilliseconds"`
	Namespace            string   `json:"namespace"`
	TemplatePaths        []string `json:"templatePaths"`
}

// Modes of churn, and its period unless given (operations.go, churnOp).
const (
	churnCreate   = "create"
	churnRecreate = "recreate"
	churnPeriod   = 500 * time.Millisecond
)

func (o *churn) prepare(e *environment) (step, error) {
	switch {
	case o.Mode != churnCreate && o.Mode != churnRecreate:
		return nil, fmt.Errorf("invalid mode %q: want %s or %s", o.Mode, churnCreate, churnRecreate)
	case o.Number < 0 || o.Number == 0 && o.Mode == churnRecreate:
		return nil, fmt.Errorf("invalid number %d for mode %s", o.Number, o.Mode)
	case len(o.TemplatePaths) == 0:
		return nil, fmt.Errorf("templatePaths: want at least one")
	}
	period := churnPeriod
	if o.IntervalMilliseconds != 0 {
		period = time.Duration(o.IntervalMilliseconds) * time.Millisecond
	}
	var objects []api.Object
	for _, file := range o.TemplatePaths {
		s, err := newSource(e.files, file, 1, anyKind)
		if err != nil {
			return nil, err
		}
		object, err := s.object(0, 1)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return func(r *runner, t *sim.Task) error { return o.start(r, t, objects, period) }, nil
}

func (o *churn) start(r *runner, t *sim.Task, objects []api.Object, period time.Duration) error {
	namespace := o.Namespace
	if namespace == "" {
		namespace = fmt.Sprintf("namespace-%d", r.index)
	}
	if err := r.ensureNamespace(t, namespace); err != nil {
		return err
	}
	delete(r.awaited, namespace) // upstream's barriers don't know it
	for i, object := range objects {
		if api.ResourceOf(object).Namespaced {
			objects[i] = inNamespace(object, namespace)
		}
	}
	r.beside("churn", func(t *sim.Task) error {
		if o.Mode == churnCreate {
			return o.create(r, t, objects, every(r, period))
		}
		return o.recreate(r, t, objects, every(r, period))
	})
	return nil
}

// create creates one of each at every turn. A failure is not worth a word: what is churned may be in the way of itself.
func (o *churn) create(r *runner, t *sim.Task, objects []api.Object, pace *pace) error {
	for n := 0; o.Number == 0 || n < o.Number; n++ {
		pace.wait(t)
		for _, object := range objects {
			_, _ = client.Create(t, r.client(), api.ResourceOf(object), object) // as upstream
		}
	}
	return nil
}

// recreate creates one of each at so many turns, deletes them at as many, and so on.
func (o *churn) recreate(r *runner, t *sim.Task, objects []api.Object, pace *pace) error {
	names := make([][]string, len(objects))
	for i := range names {
		names[i] = make([]string, o.Number)
	}
	for n := 0; ; n = (n + 1) % o.Number {
		pace.wait(t)
		for i, object := range objects {
			resource := api.ResourceOf(object)
			if name := names[i][n]; name != "" {
				names[i][n] = ""
				if err := client.Delete(t, r.client(), resource, api.Meta(object).Namespace, name, nil); err != nil {
					return fmt.Errorf("unable to delete %v: %w", name, err)
				}
				continue
			}
			if live, err := client.Create(t, r.client(), resource, object); err == nil {
				names[i][n] = live.GetName()
			}
		}
	}
}
