package config

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// validate checks what can be said without building plugins (pkg/scheduler/apis/config/validation).
func validate(c *configv1.KubeSchedulerConfiguration) field.ErrorList {
	var errs field.ErrorList
	root := func(name string) *field.Path { return field.NewPath(name) }
	bad := func(at *field.Path, value any, why string) { errs = append(errs, field.Invalid(at, value, why)) }
	if *c.LeaderElection.LeaderElect {
		errs = append(errs, validateElection(c)...)
	}
	if *c.Parallelism <= 0 {
		bad(root("parallelism"), *c.Parallelism, "should be an integer value greater than zero")
	}
	if c.ClientConnection.Burst < 0 {
		bad(root("clientConnection").Child("burst"), c.ClientConnection.Burst, "must be non-negative")
	}
	errs = append(errs, validatePercentage(root("percentageOfNodesToScore"), c.PercentageOfNodesToScore)...)
	if *c.PodInitialBackoffSeconds <= 0 {
		bad(root("podInitialBackoffSeconds"), *c.PodInitialBackoffSeconds, "must be greater than 0")
	}
	if *c.PodMaxBackoffSeconds < *c.PodInitialBackoffSeconds {
		bad(root("podMaxBackoffSeconds"), *c.PodMaxBackoffSeconds, "must be greater than or equal to PodInitialBackoffSeconds")
	}
	if c.DelayCacheUntilActive {
		errs = append(errs, field.Forbidden(root("delayCacheUntilActive"), "is not modelled: a scheduler that does not lead watches as well"))
	}
	errs = append(errs, validateProfiles(c.Profiles)...)
	return append(errs, validateExtenders(c.Extenders)...)
}

func validateElection(c *configv1.KubeSchedulerConfiguration) (errs field.ErrorList) {
	at, l := field.NewPath("leaderElection"), c.LeaderElection
	if l.ResourceLock != "leases" {
		errs = append(errs, field.Invalid(at.Child("resourceLock"), l.ResourceLock, `resourceLock value must be "leases"`))
	}
	if l.LeaseDuration.Duration <= l.RenewDeadline.Duration {
		errs = append(errs, field.Invalid(at.Child("leaseDuration"), l.RenewDeadline, "LeaseDuration must be greater than RenewDeadline"))
	}
	if l.RenewDeadline.Duration <= l.RetryPeriod.Duration {
		errs = append(errs, field.Invalid(at.Child("renewDeadline"), l.RetryPeriod, "RenewDeadline must be greater than RetryPeriod"))
	}
	if l.RetryPeriod.Duration <= 0 {
		errs = append(errs, field.Invalid(at.Child("retryPeriod"), l.RetryPeriod, "must be greater than zero"))
	}
	return errs
}

func validatePercentage(at *field.Path, percentage *int32) (errs field.ErrorList) {
	if percentage != nil && (*percentage < 0 || *percentage > 100) {
		errs = append(errs, field.Invalid(at, *percentage, "not in valid range [0-100]"))
	}
	return errs
}

func validateProfiles(profiles []configv1.KubeSchedulerProfile) (errs field.ErrorList) {
	root := field.NewPath("profiles")
	seen := map[string]int{}
	for i := range profiles {
		p, at := &profiles[i], root.Index(i)
		if p.SchedulerName == nil || *p.SchedulerName == "" {
			errs = append(errs, field.Required(at.Child("schedulerName"), ""))
			continue
		}
		if first, twice := seen[*p.SchedulerName]; twice {
			errs = append(errs, field.Duplicate(at.Child("schedulerName"), root.Index(first).Child("schedulerName").String()))
		}
		seen[*p.SchedulerName] = i
		errs = append(errs, validatePercentage(at.Child("percentageOfNodesToScore"), p.PercentageOfNodesToScore)...)
		errs = append(errs, validatePlugins(at, p)...)
		if i > 0 && !slices.Equal(queueSort(p), queueSort(&profiles[0])) {
			errs = append(errs, field.Invalid(at.Child("plugins", "queueSort"), queueSort(p), "must be the same for all profiles"))
		}
	}
	return errs
}

func queueSort(p *configv1.KubeSchedulerProfile) []string {
	if p.Plugins == nil {
		return nil
	}
	return namesOf(p.Plugins.QueueSort.Enabled)
}

// removed are plugins that once existed.
var removed = []string{"AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"}

func validatePlugins(at *field.Path, p *configv1.KubeSchedulerProfile) (errs field.ErrorList) {
	for _, s := range sets(p.Plugins) {
		point := strings.ToLower(s.point[:1]) + s.point[1:]
		for i, plugin := range s.Enabled {
			if slices.Contains(removed, plugin.Name) {
				errs = append(errs, field.Invalid(at.Child("plugins", point, "enabled").Index(i), plugin.Name, "was invalid in version \"kubescheduler.config.k8s.io/v1\""))
			}
		}
	}
	seen := map[string]bool{}
	for i := range p.PluginConfig {
		c, path := &p.PluginConfig[i], at.Child("pluginConfig").Index(i)
		if seen[c.Name] {
			errs = append(errs, field.Duplicate(path, c.Name))
		}
		seen[c.Name] = true
		errs = append(errs, validateArgs(path.Child("args"), c.Args.Object)...)
	}
	return errs
}

func validateExtenders(extenders []configv1.Extender) (errs field.ErrorList) {
	root := field.NewPath("extenders")
	binders, managed := 0, map[string]bool{}
	for i, e := range extenders {
		at := root.Index(i)
		if e.PrioritizeVerb != "" && e.Weight <= 0 {
			errs = append(errs, field.Invalid(at.Child("weight"), e.Weight, "must have a positive weight applied to it"))
		}
		if e.BindVerb != "" {
			binders++
		}
		for k, r := range e.ManagedResources {
			name := at.Child("managedResources").Index(k).Child("name")
			if wrong := metav1validation.ValidateLabelName(r.Name, name); len(wrong) > 0 {
				errs = append(errs, wrong...)
			} else if !framework.IsExtended(corev1.ResourceName(r.Name)) {
				errs = append(errs, field.Invalid(name, r.Name, "is an invalid extended resource name"))
			}
			if managed[r.Name] {
				errs = append(errs, field.Invalid(name, r.Name, "duplicate extender managed resource name"))
			}
			managed[r.Name] = true
		}
	}
	if binders > 1 {
		errs = append(errs, field.Invalid(root, fmt.Sprintf("found %d extenders implementing bind", binders), "only one extender can implement bind"))
	}
	return errs
}

// constraintAction is a known whenUnsatisfiable.
func constraintAction(a corev1.UnsatisfiableConstraintAction) bool {
	return a == corev1.DoNotSchedule || a == corev1.ScheduleAnyway
}
