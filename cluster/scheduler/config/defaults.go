package config

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
)

// setDefaults fills in what is not given (pkg/scheduler/apis/config/v1/defaults.go, component-base/config/v1alpha1/defaults.go).
func setDefaults(c *configv1.KubeSchedulerConfiguration) {
	orElse(&c.Parallelism, 16)
	if len(c.Profiles) == 0 {
		c.Profiles = []configv1.KubeSchedulerProfile{{}}
	}
	if len(c.Profiles) == 1 {
		orElse(&c.Profiles[0].SchedulerName, scheduler.DefaultName)
	}
	orElse(&c.PercentageOfNodesToScore, 0)
	orElse(&c.PodInitialBackoffSeconds, 1)
	orElse(&c.PodMaxBackoffSeconds, 10)
	if c.ClientConnection.QPS == 0 {
		c.ClientConnection.QPS = 50
	}
	if c.ClientConnection.Burst == 0 {
		c.ClientConnection.Burst = 100
	}
	l := &c.LeaderElection
	orElse(&l.LeaderElect, true)
	orZero(&l.ResourceLock, "leases")
	orZero(&l.ResourceNamespace, configv1.SchedulerDefaultLockObjectNamespace)
	orZero(&l.ResourceName, configv1.SchedulerDefaultLockObjectName)
	orZero(&l.LeaseDuration, metav1.Duration{Duration: 15 * time.Second})
	orZero(&l.RenewDeadline, metav1.Duration{Duration: 10 * time.Second})
	orZero(&l.RetryPeriod, metav1.Duration{Duration: 2 * time.Second})
}

func orElse[T any](field **T, otherwise T) {
	if *field == nil {
		*field = api.Ptr(otherwise)
	}
}

func orZero[T comparable](field *T, otherwise T) {
	var zero T
	if *field == zero {
		*field = otherwise
	}
}
