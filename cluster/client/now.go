package client

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/sim/host"
)

// Now is the process's wall clock as a metav1.Time, cut to the seconds that survive being stored: objects travel by
// reference here, so nothing else would cut them.
func Now(p *host.Process) metav1.Time {
	return metav1.Time{Time: p.Wall().Time().Truncate(time.Second)}
}

// NowMicro is the process's wall clock as a metav1.MicroTime, cut to the microseconds that survive being stored.
func NowMicro(p *host.Process) metav1.MicroTime {
	return metav1.MicroTime{Time: p.Wall().Time().Truncate(time.Microsecond)}
}
