package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Defaults of the batch group (k8s.io/kubernetes pkg/apis/batch/v1/defaults.go).
const (
	defaultBackoffLimit   = 6
	indexedBackoffLimit   = 1<<31 - 1 // with backoffLimitPerIndex, only that one counts
	defaultSuccessfulJobs = 3
	defaultFailedJobs     = 1
	legacyControllerUID   = "controller-uid"
	legacyJobName         = "job-name"
)

func batchEntries() []*Entry {
	return []*Entry{{
		Resource:      api.Jobs,
		deep:          true,
		orphans:       true,
		name:          subdomainName,
		defaults:      fill(defaultJob),
		prepareCreate: on(prepareJob),
		prepareUpdate: pair(func(_ *Context, j, old *batchv1.Job) {
			j.Status = old.Status
			if !api.Equal(&j.Spec, &old.Spec) {
				j.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, j, old *batchv1.Job) { j.Spec = old.Spec }),
		validate:      with(validateJob),
		update:        both(validateJobUpdate),
		selectable:    []string{"status.successful"},
		value:         func(o api.Object, _ string) string { return itoa(int(o.(*batchv1.Job).Status.Succeeded)) },
		columns:       jobColumns,
	}, {
		Resource:      api.CronJobs,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultCronJob),
		prepareCreate: on(func(_ *Context, c *batchv1.CronJob) { c.Status, c.Generation = batchv1.CronJobStatus{}, 1 }),
		prepareUpdate: pair(func(_ *Context, c, old *batchv1.CronJob) {
			c.Status = old.Status
			if !api.Equal(&c.Spec, &old.Spec) {
				c.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, c, old *batchv1.CronJob) { c.Spec = old.Spec }),
		validate:      with(validateCronJob),
		columns:       cronJobColumns,
	}}
}

func defaultJob(j *batchv1.Job) {
	defaultJobSpec(&j.Spec)
	if len(j.Labels) == 0 {
		j.Labels = j.Spec.Template.Labels
	}
	if j.Spec.PodReplacementPolicy == nil {
		policy := batchv1.TerminatingOrFailed
		if j.Spec.PodFailurePolicy != nil {
			policy = batchv1.Failed
		}
		j.Spec.PodReplacementPolicy = &policy
	}
	if j.Spec.ManualSelector == nil {
		j.Spec.ManualSelector = api.Ptr(false)
	}
	defaultTemplate(&j.Spec.Template)
}

func defaultJobSpec(s *batchv1.JobSpec) {
	if s.Completions == nil && s.Parallelism == nil {
		s.Completions = api.Ptr(int32(1))
	}
	unsetInt32(&s.Parallelism, 1)
	if s.BackoffLimit == nil {
		limit := int32(defaultBackoffLimit)
		if s.BackoffLimitPerIndex != nil {
			limit = indexedBackoffLimit
		}
		s.BackoffLimit = &limit
	}
	if s.CompletionMode == nil {
		s.CompletionMode = api.Ptr(batchv1.NonIndexedCompletion)
	}
	if s.Suspend == nil {
		s.Suspend = api.Ptr(false)
	}
	if s.PodFailurePolicy != nil {
		defaultFailurePolicy(s.PodFailurePolicy)
	}
}

func defaultFailurePolicy(p *batchv1.PodFailurePolicy) {
	for i := range p.Rules {
		for j := range p.Rules[i].OnPodConditions {
			if c := &p.Rules[i].OnPodConditions[j]; c.Status == "" {
				c.Status = corev1.ConditionTrue
			}
		}
	}
}

// prepareJob generates the selector and labels by which a job finds its pods, unless the user chose to do it.
func prepareJob(_ *Context, j *batchv1.Job) {
	j.Status, j.Generation = batchv1.JobStatus{}, 1
	if api.Deref(j.Spec.ManualSelector, false) {
		return
	}
	uid := string(j.UID)
	labels := j.Spec.Template.Labels
	for _, l := range [][2]string{
		{legacyJobName, j.Name}, {batchv1.JobNameLabel, j.Name}, {legacyControllerUID, uid}, {batchv1.ControllerUidLabel, uid},
	} {
		if _, has := labels[l[0]]; !has {
			labels = api.With(labels, l[0], l[1])
		}
	}
	// A job without labels of its own shares its template's, generated ones included.
	if len(j.Labels) == 0 || sameStrings(j.Labels, j.Spec.Template.Labels) {
		j.Labels = labels
	}
	j.Spec.Template.Labels = labels
	if j.Spec.Selector == nil {
		j.Spec.Selector = &metav1.LabelSelector{}
	}
	if _, has := j.Spec.Selector.MatchLabels[batchv1.ControllerUidLabel]; !has {
		j.Spec.Selector.MatchLabels = api.With(j.Spec.Selector.MatchLabels, batchv1.ControllerUidLabel, uid)
	}
}

func defaultCronJob(c *batchv1.CronJob) {
	if c.Spec.ConcurrencyPolicy == "" {
		c.Spec.ConcurrencyPolicy = batchv1.AllowConcurrent
	}
	if c.Spec.Suspend == nil {
		c.Spec.Suspend = api.Ptr(false)
	}
	unsetInt32(&c.Spec.SuccessfulJobsHistoryLimit, defaultSuccessfulJobs)
	unsetInt32(&c.Spec.FailedJobsHistoryLimit, defaultFailedJobs)
	defaultTemplate(&c.Spec.JobTemplate.Spec.Template)
}
