package schedulerperf

import (
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// createPods creates pods in a namespace, by default one of its own, and waits until all have a node.
type createPods struct {
	Opcode string `json:"opcode"`
	amount
	SteadyState                       bool            `json:"steadyState"`
	SteadyStateParam                  string          `json:"steadyStateParam"`
	Duration                          metav1.Duration `json:"duration"`
	DurationParam                     string          `json:"durationParam"`
	CollectMetrics                    bool            `json:"collectMetrics"`
	Namespace                         string          `json:"namespace"`
	PodTemplatePath                   string          `json:"podTemplatePath"`
	SkipWaitToCompletion              bool            `json:"skipWaitToCompletion"`
	PersistentVolumeTemplatePath      string          `json:"persistentVolumeTemplatePath"`
	PersistentVolumeClaimTemplatePath string          `json:"persistentVolumeClaimTemplatePath"`
}

func (o *createPods) prepare(e *environment) (step, error) {
	count, err := o.of(e.params, 0)
	if err != nil {
		return nil, err
	}
	steady, duration := o.SteadyState, time.Duration(0)
	if o.SteadyStateParam != "" {
		if steady, err = lookUp[bool](e.params, o.SteadyStateParam); err != nil {
			return nil, err
		}
	}
	if duration, err = durationOf(o.Duration.Duration, o.DurationParam, e.params); err != nil {
		return nil, err
	}
	switch {
	case o.CollectMetrics && o.SkipWaitToCompletion:
		return nil, errors.New("collectMetrics and skipWaitToCompletion cannot be true at the same time")
	case steady && o.SkipWaitToCompletion:
		return nil, errors.New("skipWaitToCompletion and steadyState cannot be true at the same time")
	case steady && (duration <= 0 || count == 0):
		return nil, errors.New("when creating pods in a steady state, the test duration and the count must be > 0")
	}
	maker, err := o.maker(e, count)
	if err != nil {
		return nil, err
	}
	return func(r *runner, t *sim.Task) error {
		namespace := o.Namespace
		if namespace == "" {
			namespace = fmt.Sprintf("namespace-%d", r.index)
		}
		if err := r.ensureNamespace(t, namespace); err != nil {
			return err
		}
		if o.CollectMetrics {
			if err := r.collect(namespace, []string{namespace}, nil); err != nil {
				return err
			}
		}
		if err := o.run(r, t, podSet{maker, namespace, count}, steady, duration); err != nil || !o.CollectMetrics {
			return err
		}
		return r.stop()
	}, nil
}

func (o *createPods) run(r *runner, t *sim.Task, set podSet, steady bool, duration time.Duration) error {
	if steady {
		return set.churn(r, t, duration)
	}
	if err := set.create(r, t); err != nil {
		return err
	}
	if o.SkipWaitToCompletion {
		r.awaited[set.namespace] += set.count
		return nil
	}
	return r.wait(t, set.namespace, nil, set.count, false)
}

// podMaker is what a set of pods is made from.
type podMaker struct {
	pods   *source[*corev1.Pod]
	claim  *corev1.PersistentVolumeClaim // nil: pods without volumes
	volume *corev1.PersistentVolume
}

func (o *createPods) maker(e *environment, count int) (*podMaker, error) {
	file := o.PodTemplatePath
	if file == "" {
		file = e.testCase.DefaultPodTemplatePath
	}
	m := &podMaker{pods: &source[*corev1.Pod]{fixed: &basePod}}
	var err error
	if file != "" {
		if m.pods, err = newSource(e.files, file, count, typed[corev1.Pod]); err != nil {
			return nil, err
		}
	}
	if o.PersistentVolumeClaimTemplatePath == "" {
		return m, nil
	}
	claims, err := newSource(e.files, o.PersistentVolumeClaimTemplatePath, 1, typed[corev1.PersistentVolumeClaim])
	if err != nil {
		return nil, err
	}
	if o.PersistentVolumeTemplatePath == "" {
		return nil, errors.New("persistentVolumeTemplatePath must be set beside persistentVolumeClaimTemplatePath")
	}
	volumes, err := newSource(e.files, o.PersistentVolumeTemplatePath, 1, typed[corev1.PersistentVolume])
	if err != nil {
		return nil, err
	}
	if m.claim, err = claims.object(0, 1); err != nil {
		return nil, err
	}
	m.volume, err = volumes.object(0, 1)
	return m, err
}

// basePod is upstream's pod where no template is given (util.go, makeBasePod; test/utils/runners.go, MakePodSpec).
var basePod = func() *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "pod-"}}
	resources := api.Quantities("cpu", "100m", "memory", "500Mi")
	p.Spec.Containers = []corev1.Container{{
		Name: "pause", Image: "registry.k8s.io/pause:3.10.1", Ports: []corev1.ContainerPort{{ContainerPort: 80}},
		Resources: corev1.ResourceRequirements{Limits: resources, Requests: resources},
	}}
	return p
}()

// podSet is so many pods in a namespace.
type podSet struct {
	*podMaker
	namespace string
	count     int
}

// creators is how many requests upstream has under way at once (test/utils/runners.go, CreatePod).
const creators = 30

// create creates the pods, several at a time.
func (s podSet) create(r *runner, t *sim.Task) error {
	next, failed := 0, error(nil)
	var workers []*sim.Task
	for range min(creators, s.count) {
		workers = append(workers, r.process.Go("scheduler_perf.create", func(t *sim.Task) {
			for next < s.count && failed == nil {
				index := next
				next++
				if err := s.createOne(r, t, index); err != nil {
					failed = err
				}
			}
		}))
	}
	for _, w := range workers {
		t.Wait(sim.Forever, w)
	}
	return failed
}

func (s podSet) createOne(r *runner, t *sim.Task, index int) error {
	pod, err := s.pods.object(index, s.count)
	if err != nil {
		return err
	}
	pod = api.Shallow(pod)
	pod.Namespace = s.namespace
	if s.claim != nil {
		claim := fmt.Sprintf("pvc-%d", index)
		if err := s.createVolume(r, t, claim, fmt.Sprintf("%s-vol-%d", s.namespace, index)); err != nil {
			return err
		}
		pod.Spec.Volumes = []corev1.Volume{{Name: "vol", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}}
	}
	_, err = client.Create(t, r.client(), api.Pods, pod)
	return err
}

// createVolume creates a claim and its volume, bound to each other. Their phases are written apart: creating resets them.
func (s podSet) createVolume(r *runner, t *sim.Task, claimName, volumeName string) error {
	claim := api.Shallow(s.claim)
	claim.Namespace, claim.Name = s.namespace, claimName
	claim.Spec.VolumeName, claim.Status.Phase = volumeName, corev1.ClaimBound
	volume := s.volume.DeepCopy()
	volume.Name, volume.Status.Phase = volumeName, corev1.VolumeBound
	volume.Spec.ClaimRef = &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: s.namespace, Name: claimName, APIVersion: "v1"}
	switch {
	case volume.Spec.CSI != nil:
		volume.Spec.CSI.VolumeHandle = volumeName
	case volume.Spec.AWSElasticBlockStore != nil:
		volume.Spec.AWSElasticBlockStore.VolumeID = volumeName[len(s.namespace)+1:]
	}
	if _, err := client.Create(t, r.client(), api.PersistentVolumeClaims, claim); err != nil {
		return err
	}
	if _, err := client.UpdateStatus(t, r.client(), api.PersistentVolumeClaims, claim); err != nil {
		return err
	}
	if _, err := client.Create(t, r.client(), api.PersistentVolumes, volume); err != nil {
		return err
	}
	_, err := client.UpdateStatus(t, r.client(), api.PersistentVolumes, volume)
	return err
}

// churn keeps a cluster equally full for a while: whenever all pods have a node, they go, and others come.
func (s podSet) churn(r *runner, t *sim.Task, duration time.Duration) error {
	var due sim.Signal
	placed, target := 0, s.count
	r.onScheduled = func(p *corev1.Pod) {
		if p.Namespace == s.namespace {
			if placed++; placed%s.count == 0 {
				due.Set()
			}
		}
	}
	defer func() { r.onScheduled = nil }()
	if err := s.create(r, t); err != nil {
		return fmt.Errorf("create initial %d pods: %w", s.count, err)
	}
	for end := r.now().Add(duration); ; target += s.count {
		for placed < target {
			due.Clear()
			if left := end.Sub(r.now()); left <= 0 || t.Wait(left, &due) < 0 {
				if placed == 0 {
					return errors.New("no pod at all got scheduled, either because of a problem or because the test interval was too small")
				}
				return nil
			}
		}
		now, background := int64(0), metav1.DeletePropagationBackground
		if err := r.deleteAll(t, s.namespace, nil, &metav1.DeleteOptions{GracePeriodSeconds: &now, PropagationPolicy: &background}); err != nil {
			return fmt.Errorf("delete scheduled pods: %w", err)
		}
		if err := s.create(r, t); err != nil {
			return fmt.Errorf("create next batch of pods: %w", err)
		}
	}
}

// createPodSets creates pods in namespaces <namespacePrefix>-<number>, each set an operation of its own.
type createPodSets struct {
	Opcode string `json:"opcode"`
	amount
	NamespacePrefix string     `json:"namespacePrefix"`
	CreatePodsOp    createPods `json:"createPodsOp"`
}

func (o *createPodSets) prepare(e *environment) (step, error) {
	count, err := o.of(e.params, 0)
	if err != nil {
		return nil, err
	}
	var steps []step
	for i := range count {
		set := o.CreatePodsOp
		set.Namespace = fmt.Sprintf("%s-%d", o.NamespacePrefix, i)
		s, err := set.prepare(e)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return func(r *runner, t *sim.Task) error {
		for i, s := range steps {
			if err := s(r, t); err != nil {
				return err
			}
			if i < len(steps)-1 {
				r.index++ // the last is counted as every operation is
			}
		}
		return nil
	}, nil
}

// deletePods deletes the pods that a namespace has when the operation begins.
type deletePods struct {
	Opcode               string            `json:"opcode"`
	Namespace            string            `json:"namespace"`
	LabelSelector        map[string]string `json:"labelSelector"`
	SkipWaitToCompletion bool              `json:"skipWaitToCompletion"`
	DeletePodsPerSecond  int               `json:"deletePodsPerSecond"`
}

func (o *deletePods) prepare(*environment) (step, error) {
	if o.DeletePodsPerSecond < 0 {
		return nil, fmt.Errorf("invalid deletePodsPerSecond %d: want at least 0", o.DeletePodsPerSecond)
	}
	return func(r *runner, t *sim.Task) error {
		selector := labels.SelectorFromSet(o.LabelSelector)
		pods := slices.Clone(r.cluster.Store().List(api.Pods, o.Namespace, selector))
		do := func(t *sim.Task) error {
			if o.DeletePodsPerSecond == 0 {
				return r.deleteAll(t, o.Namespace, selector, nil)
			}
			pace := newPace(r, o.DeletePodsPerSecond)
			for _, p := range pods {
				pace.wait(t)
				if err := client.Delete(t, r.client(), api.Pods, o.Namespace, p.GetName(), nil); err != nil {
					return fmt.Errorf("unable to delete pod %v: %w", p.GetName(), err)
				}
			}
			return nil
		}
		if o.SkipWaitToCompletion {
			r.beside("deletePods", do)
			return nil
		}
		return do(t)
	}, nil
}

// deleteAll deletes a namespace's pods in one request.
func (r *runner) deleteAll(t *sim.Task, namespace string, selector labels.Selector, options *metav1.DeleteOptions) error {
	_, err := r.client().Do(t, &api.Request{
		Verb: api.VerbDeleteCollection, Resource: api.Pods, Namespace: namespace, LabelSelector: selector, Delete: options,
	})
	return err
}
