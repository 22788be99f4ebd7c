package runtime

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Device is what a pod has of one device of its machine: so many thousandths.
type Device struct {
	Index int
	Milli int64
}

// DeviceUse is a pod's taking or giving back devices: it has them as long as it has a sandbox that is ready.
type DeviceUse struct {
	Machine string
	Pod     types.UID
	// Name is namespace/name.
	Name    string
	Devices []Device
	// Taken, or given back.
	Taken bool
}

// takeDevices books what a pod's first sandbox comes with.
func (r *Runtime) takeDevices(p *pod, devices []Device) {
	if len(devices) > 0 && len(p.devices) == 0 {
		p.devices = devices
		r.tellDevices(p, true)
	}
}

// giveDevicesBack ends the booking with the last sandbox.
func (r *Runtime) giveDevicesBack(p *pod) {
	if len(p.devices) > 0 && !slices.ContainsFunc(p.sandboxes, func(s *SandboxStatus) bool { return s.Ready }) {
		r.tellDevices(p, false)
		p.devices = nil
	}
}

func (r *Runtime) tellDevices(p *pod, taken bool) {
	if r.config.OnDevices != nil {
		r.config.OnDevices(DeviceUse{r.machine.Name(), p.uid, p.namespace + "/" + p.name, p.devices, taken})
	}
}
