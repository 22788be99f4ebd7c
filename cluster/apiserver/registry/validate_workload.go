package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/robfig/cron/v3"
)

const mismatched = "`selector` does not match template `labels`"

// validateTemplate checks a pod template with the selector that must match it. A nil policies list accepts any restart
// policy.
func validateTemplate(t *corev1.PodTemplateSpec, s *metav1.LabelSelector, policies []corev1.RestartPolicy, path *field.Path) field.ErrorList {
	at := path.Child("template")
	var errs field.ErrorList
	if s != nil {
		if sel, err := metav1.LabelSelectorAsSelector(s); err == nil && !sel.Empty() && !sel.Matches(labels.Set(t.Labels)) {
			errs = append(errs, field.Invalid(at.Child("metadata", "labels"), t.Labels, mismatched))
		}
	}
	errs = append(errs, checkLabels(t.Labels, at.Child("metadata", "labels"))...)
	errs = append(errs, validatePodSpec(&t.Spec, at.Child("spec"))...)
	for _, p := range policies {
		if t.Spec.RestartPolicy == p {
			policies = nil
			break
		}
	}
	if len(policies) > 0 {
		errs = append(errs, field.NotSupported(at.Child("spec", "restartPolicy"), t.Spec.RestartPolicy, policies))
	}
	return errs
}

var onlyAlways = []corev1.RestartPolicy{corev1.RestartPolicyAlways}

// validateOwnSelector checks a workload's selector, which must be there and not be empty.
func validateOwnSelector(s *metav1.LabelSelector, empty string, path *field.Path) field.ErrorList {
	at := path.Child("selector")
	if s == nil {
		return field.ErrorList{field.Required(at, "")}
	}
	errs := checkSelector(s, at)
	if len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
		errs = append(errs, field.Invalid(at, s, empty))
	}
	return errs
}

func validateDeployment(d *appsv1.Deployment) field.ErrorList {
	s := &d.Spec
	errs := nonNegative(*s.Replicas, specPath.Child("replicas"))
	errs = append(errs, validateOwnSelector(s.Selector, "empty selector is invalid for deployment", specPath)...)
	errs = append(errs, validateTemplate(&s.Template, s.Selector, onlyAlways, specPath)...)
	errs = append(errs, validateDeploymentStrategy(&s.Strategy, specPath.Child("strategy"))...)
	errs = append(errs, nonNegative(s.MinReadySeconds, specPath.Child("minReadySeconds"))...)
	errs = append(errs, nonNegative(*s.RevisionHistoryLimit, specPath.Child("revisionHistoryLimit"))...)
	deadline := specPath.Child("progressDeadlineSeconds")
	errs = append(errs, nonNegative(*s.ProgressDeadlineSeconds, deadline)...)
	if *s.ProgressDeadlineSeconds <= s.MinReadySeconds {
		errs = append(errs, field.Invalid(deadline, *s.ProgressDeadlineSeconds, "must be greater than minReadySeconds"))
	}
	return errs
}

func validateDeploymentStrategy(s *appsv1.DeploymentStrategy, at *field.Path) field.ErrorList {
	switch s.Type {
	case appsv1.RecreateDeploymentStrategyType:
		if s.RollingUpdate != nil {
			return field.ErrorList{field.Forbidden(at.Child("rollingUpdate"), "may not be specified when strategy `type` is 'Recreate'")}
		}
		return nil
	case appsv1.RollingUpdateDeploymentStrategyType:
		return validateRolling(s.RollingUpdate.MaxUnavailable, s.RollingUpdate.MaxSurge, at.Child("rollingUpdate"))
	}
	return field.ErrorList{field.NotSupported(at, *s, []appsv1.DeploymentStrategyType{appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType})}
}

func validateRolling(unavailable, surge *intstr.IntOrString, at *field.Path) field.ErrorList {
	errs := nonNegativeOrPercent(*unavailable, at.Child("maxUnavailable"))
	errs = append(errs, nonNegativeOrPercent(*surge, at.Child("maxSurge"))...)
	if isZero(*unavailable) && isZero(*surge) {
		errs = append(errs, field.Invalid(at.Child("maxUnavailable"), unavailable, "may not be 0 when `maxSurge` is 0"))
	}
	if percentOver(*unavailable) {
		errs = append(errs, field.Invalid(at.Child("maxUnavailable"), unavailable, "must not be greater than 100%"))
	}
	return errs
}

func isZero(v intstr.IntOrString) bool {
	if v.Type == intstr.Int {
		return v.IntVal == 0
	}
	return percent(v) == 0
}

func validateDeploymentUpdate(d, old *appsv1.Deployment) field.ErrorList {
	return sameSelector(d.Spec.Selector, old.Spec.Selector)
}

func sameSelector(s, old *metav1.LabelSelector) field.ErrorList {
	if s == old || s != nil && old != nil && api.Equal(s, old) {
		return nil
	}
	return immutable(false, s, specPath.Child("selector"))
}

func validateDeploymentStatus(d, old *appsv1.Deployment) field.ErrorList {
	path := field.NewPath("status")
	st := &d.Status
	errs := nonNegative(st.ObservedGeneration, path.Child("observedGeneration"))
	errs = append(errs, nonNegative(st.Replicas, path.Child("replicas"))...)
	errs = append(errs, nonNegative(st.UpdatedReplicas, path.Child("updatedReplicas"))...)
	errs = append(errs, nonNegative(st.ReadyReplicas, path.Child("readyReplicas"))...)
	errs = append(errs, nonNegative(st.AvailableReplicas, path.Child("availableReplicas"))...)
	atMost := func(n, bound int32, child, what string) {
		if n > bound {
			errs = append(errs, field.Invalid(path.Child(child), n, "cannot be greater than "+what))
		}
	}
	atMost(st.UpdatedReplicas, st.Replicas, "updatedReplicas", "status.replicas")
	atMost(st.ReadyReplicas, st.Replicas, "readyReplicas", "status.replicas")
	atMost(st.AvailableReplicas, st.Replicas, "availableReplicas", "status.replicas")
	atMost(st.AvailableReplicas, st.ReadyReplicas, "availableReplicas", "readyReplicas")
	if c, was := st.CollisionCount, old.Status.CollisionCount; was != nil && (c == nil || *c < *was) {
		errs = append(errs, field.Invalid(path.Child("collisionCount"), api.Deref(c, 0), "cannot be decremented"))
	}
	return errs
}

func validateReplicaSet(rs *appsv1.ReplicaSet) field.ErrorList {
	errs := nonNegative(*rs.Spec.Replicas, specPath.Child("replicas"))
	errs = append(errs, nonNegative(rs.Spec.MinReadySeconds, specPath.Child("minReadySeconds"))...)
	errs = append(errs, validateOwnSelector(rs.Spec.Selector, "empty selector is invalid for deployment", specPath)...)
	return append(errs, validateTemplate(&rs.Spec.Template, rs.Spec.Selector, onlyAlways, specPath)...)
}

func validateReplicaSetUpdate(rs, old *appsv1.ReplicaSet) field.ErrorList {
	return sameSelector(rs.Spec.Selector, old.Spec.Selector)
}

func validateReplicaSetStatus(rs, _ *appsv1.ReplicaSet) field.ErrorList {
	path := field.NewPath("status")
	st := &rs.Status
	errs := nonNegative(st.Replicas, path.Child("replicas"))
	errs = append(errs, nonNegative(st.FullyLabeledReplicas, path.Child("fullyLabeledReplicas"))...)
	errs = append(errs, nonNegative(st.ReadyReplicas, path.Child("readyReplicas"))...)
	errs = append(errs, nonNegative(st.AvailableReplicas, path.Child("availableReplicas"))...)
	errs = append(errs, nonNegative(st.ObservedGeneration, path.Child("observedGeneration"))...)
	atMost := func(n, bound int32, child, what string) {
		if n > bound {
			errs = append(errs, field.Invalid(path.Child(child), n, "cannot be greater than "+what))
		}
	}
	atMost(st.FullyLabeledReplicas, st.Replicas, "fullyLabeledReplicas", "status.replicas")
	atMost(st.ReadyReplicas, st.Replicas, "readyReplicas", "status.replicas")
	atMost(st.AvailableReplicas, st.Replicas, "availableReplicas", "status.replicas")
	atMost(st.AvailableReplicas, st.ReadyReplicas, "availableReplicas", "readyReplicas")
	return errs
}

func validateDaemonSet(d *appsv1.DaemonSet) field.ErrorList {
	s := &d.Spec
	errs := validateOwnSelector(s.Selector, "empty selector is invalid for daemonset", specPath)
	errs = append(errs, validateTemplate(&s.Template, s.Selector, onlyAlways, specPath)...)
	errs = append(errs, nonNegative(s.MinReadySeconds, specPath.Child("minReadySeconds"))...)
	errs = append(errs, nonNegative(*s.RevisionHistoryLimit, specPath.Child("revisionHistoryLimit"))...)
	at := specPath.Child("updateStrategy")
	switch s.UpdateStrategy.Type {
	case appsv1.OnDeleteDaemonSetStrategyType:
	case appsv1.RollingUpdateDaemonSetStrategyType:
		errs = append(errs, validateDaemonRolling(s.UpdateStrategy.RollingUpdate, at.Child("rollingUpdate"))...)
	default:
		errs = append(errs, field.NotSupported(at.Child("type"), s.UpdateStrategy.Type,
			[]appsv1.DaemonSetUpdateStrategyType{appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType}))
	}
	return errs
}

func validateDaemonRolling(r *appsv1.RollingUpdateDaemonSet, at *field.Path) field.ErrorList {
	errs := nonNegativeOrPercent(*r.MaxUnavailable, at.Child("maxUnavailable"))
	errs = append(errs, nonNegativeOrPercent(*r.MaxSurge, at.Child("maxSurge"))...)
	switch unavailable, surge := !isZero(*r.MaxUnavailable), !isZero(*r.MaxSurge); {
	case unavailable && surge:
		errs = append(errs, field.Invalid(at.Child("maxSurge"), r.MaxSurge, "may not be set when maxUnavailable is non-zero"))
	case !unavailable && !surge:
		errs = append(errs, field.Required(at.Child("maxUnavailable"), "cannot be 0 when maxSurge is 0"))
	}
	return errs
}

func validateDaemonSetUpdate(d, old *appsv1.DaemonSet) field.ErrorList {
	return sameSelector(d.Spec.Selector, old.Spec.Selector)
}

func validateStatefulSet(s *appsv1.StatefulSet) field.ErrorList {
	var errs field.ErrorList
	management := []appsv1.PodManagementPolicyType{appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement}
	if errs = oneOf(s.Spec.PodManagementPolicy, management, true, specPath.Child("podManagementPolicy")); len(errs) > 0 {
		errs = field.ErrorList{field.Invalid(specPath.Child("podManagementPolicy"), s.Spec.PodManagementPolicy, "must be '"+string(management[0])+"' or '"+string(management[1])+"'")}
	}
	u, at := &s.Spec.UpdateStrategy, specPath.Child("updateStrategy")
	switch u.Type {
	case appsv1.OnDeleteStatefulSetStrategyType:
		if u.RollingUpdate != nil {
			errs = append(errs, field.Invalid(at.Child("rollingUpdate"), u.RollingUpdate, "only allowed for updateStrategy '"+string(appsv1.RollingUpdateStatefulSetStrategyType)+"'"))
		}
	case appsv1.RollingUpdateStatefulSetStrategyType:
		if u.RollingUpdate != nil {
			errs = append(errs, nonNegative(*u.RollingUpdate.Partition, at.Child("rollingUpdate", "partition"))...)
		}
	default:
		errs = append(errs, field.Invalid(at, u, "must be 'RollingUpdate' or 'OnDelete'"))
	}
	errs = append(errs, nonNegative(*s.Spec.Replicas, specPath.Child("replicas"))...)
	errs = append(errs, nonNegative(s.Spec.MinReadySeconds, specPath.Child("minReadySeconds"))...)
	errs = append(errs, validateOwnSelector(s.Spec.Selector, "empty selector is invalid for statefulset", specPath)...)
	return append(errs, validateStatefulTemplate(s)...)
}

// validateStatefulTemplate checks the template with the volumes that the claim templates will add.
func validateStatefulTemplate(s *appsv1.StatefulSet) field.ErrorList {
	if len(s.Spec.VolumeClaimTemplates) == 0 {
		return validateTemplate(&s.Spec.Template, s.Spec.Selector, onlyAlways, specPath)
	}
	t := api.Shallow(&s.Spec.Template)
	for i := range s.Spec.VolumeClaimTemplates {
		t.Spec.Volumes = api.Append(t.Spec.Volumes, corev1.Volume{
			Name: s.Spec.VolumeClaimTemplates[i].Name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
		})
	}
	return validateTemplate(t, s.Spec.Selector, onlyAlways, specPath)
}

const statefulImmutable = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"

func validateStatefulSetUpdate(s, old *appsv1.StatefulSet) field.ErrorList {
	c := s.Spec
	c.Replicas, c.Ordinals, c.Template = old.Spec.Replicas, old.Spec.Ordinals, old.Spec.Template
	c.UpdateStrategy, c.RevisionHistoryLimit = old.Spec.UpdateStrategy, old.Spec.RevisionHistoryLimit
	c.PersistentVolumeClaimRetentionPolicy, c.MinReadySeconds = old.Spec.PersistentVolumeClaimRetentionPolicy, old.Spec.MinReadySeconds
	if !api.Equal(&c, &old.Spec) {
		return field.ErrorList{field.Forbidden(specPath, statefulImmutable)}
	}
	return nil
}

var jobPolicies = []corev1.RestartPolicy{corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}

func validateJob(j *batchv1.Job) field.ErrorList {
	s := &j.Spec
	var errs field.ErrorList
	if s.Selector == nil {
		errs = append(errs, field.Required(specPath.Child("selector"), ""))
	} else {
		errs = append(errs, checkSelector(s.Selector, specPath.Child("selector"))...)
	}
	errs = append(errs, validateJobNumbers(s, specPath)...)
	at := specPath.Child("template")
	if sel, err := metav1.LabelSelectorAsSelector(s.Selector); err == nil && !sel.Matches(labels.Set(s.Template.Labels)) {
		errs = append(errs, field.Invalid(at.Child("metadata", "labels"), s.Template.Labels, mismatched))
	}
	return append(errs, validateJobTemplate(s, specPath)...)
}

func validateJobTemplate(s *batchv1.JobSpec, path *field.Path) field.ErrorList {
	at := path.Child("template", "spec")
	errs := validatePodSpec(&s.Template.Spec, at)
	for _, p := range jobPolicies {
		if s.Template.Spec.RestartPolicy == p {
			return errs
		}
	}
	// The policy is defaulted to Always, so a user who wrote none reads this too.
	return append(errs, field.NotSupported(at.Child("restartPolicy"), s.Template.Spec.RestartPolicy, jobPolicies))
}

func validateJobNumbers(s *batchv1.JobSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	check := func(v *int32, child string) {
		if v != nil {
			errs = append(errs, nonNegative(*v, path.Child(child))...)
		}
	}
	check(s.Parallelism, "parallelism")
	check(s.Completions, "completions")
	check(s.BackoffLimit, "backoffLimit")
	check(s.TTLSecondsAfterFinished, "ttlSecondsAfterFinished")
	if d := s.ActiveDeadlineSeconds; d != nil {
		errs = append(errs, nonNegative(*d, path.Child("activeDeadlineSeconds"))...)
	}
	if m := s.CompletionMode; m != nil {
		errs = append(errs, oneOf(*m, []batchv1.CompletionMode{batchv1.IndexedCompletion, batchv1.NonIndexedCompletion}, true, path.Child("completionMode"))...)
		if *m == batchv1.IndexedCompletion && s.Completions == nil {
			errs = append(errs, field.Required(path.Child("completions"), "when completion mode is Indexed"))
		}
	}
	return errs
}

// validateJobUpdate lets parallelism, suspension, deadline and, before it has started, scheduling directives change.
func validateJobUpdate(j, old *batchv1.Job) field.ErrorList {
	errs := sameSelector(j.Spec.Selector, old.Spec.Selector)
	c, was := j.Spec.Completions, old.Spec.Completions
	elastic := api.Deref(j.Spec.CompletionMode, "") == batchv1.IndexedCompletion && c != nil && j.Spec.Parallelism != nil && *c == *j.Spec.Parallelism
	if !elastic && api.Deref(c, -1) != api.Deref(was, -1) {
		errs = append(errs, immutable(false, c, specPath.Child("completions"))...)
	}
	if api.Deref(j.Spec.CompletionMode, "") != api.Deref(old.Spec.CompletionMode, "") {
		errs = append(errs, immutable(false, j.Spec.CompletionMode, specPath.Child("completionMode"))...)
	}
	t := j.Spec.Template.DeepCopy()
	if api.Deref(old.Spec.Suspend, false) && old.Status.StartTime == nil {
		o := &old.Spec.Template
		t.Spec.NodeSelector, t.Spec.Tolerations, t.Spec.SchedulingGates = o.Spec.NodeSelector, o.Spec.Tolerations, o.Spec.SchedulingGates
		t.Spec.Affinity, t.Annotations, t.Labels = o.Spec.Affinity, o.Annotations, o.Labels
	}
	if !api.Equal(t, &old.Spec.Template) {
		errs = append(errs, immutable(false, j.Spec.Template, specPath.Child("template"))...)
	}
	return errs
}

// longestCronName leaves room for the eleven characters that a job's name adds (pkg/apis/batch/validation).
const longestCronName = 52

func validateCronJob(c *batchv1.CronJob) field.ErrorList {
	var errs field.ErrorList
	if len(c.Name) > longestCronName {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), c.Name, "must be no more than 52 characters"))
	}
	switch at := specPath.Child("schedule"); c.Spec.Schedule {
	case "":
		errs = append(errs, field.Required(at, ""))
	default:
		if _, err := cron.ParseStandard(c.Spec.Schedule); err != nil {
			errs = append(errs, field.Invalid(at, c.Spec.Schedule, err.Error()))
		}
	}
	policies := []batchv1.ConcurrencyPolicy{batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent}
	errs = append(errs, oneOf(c.Spec.ConcurrencyPolicy, policies, true, specPath.Child("concurrencyPolicy"))...)
	if d := c.Spec.StartingDeadlineSeconds; d != nil {
		errs = append(errs, nonNegative(*d, specPath.Child("startingDeadlineSeconds"))...)
	}
	job := specPath.Child("jobTemplate", "spec")
	errs = append(errs, validateJobNumbers(&c.Spec.JobTemplate.Spec, job)...)
	return append(errs, validateJobTemplate(&c.Spec.JobTemplate.Spec, job)...)
}
