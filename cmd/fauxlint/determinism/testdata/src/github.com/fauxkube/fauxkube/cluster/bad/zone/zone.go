package zone

import "time"

func local(t time.Time) time.Time { return t.In(time.Local) } // want `zone: time.Local`
