package launch

import (
	"context"
	"errors"
)

func measure(context.Context, MeasureOptions) (*Measurement, error) { return nil, errors.ErrUnsupported }
