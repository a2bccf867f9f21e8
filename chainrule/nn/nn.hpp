// Nets: tensors and all that nets are made of, trained by, kept in and fed with.
#pragma once

#include "chainrule/nn/affine.hpp"
#include "chainrule/nn/attention.hpp"
#include "chainrule/nn/data.hpp"
#include "chainrule/nn/initialise.hpp"
#include "chainrule/nn/layers.hpp"
#include "chainrule/nn/lbfgs.hpp"
#include "chainrule/nn/module.hpp"
#include "chainrule/nn/optimisers.hpp"
#include "chainrule/nn/parameter.hpp"
#include "chainrule/nn/recurrent.hpp"
#include "chainrule/nn/safetensors.hpp"
#include "chainrule/nn/schedules.hpp"
#include "chainrule/nn/synthetic.hpp"
#include "chainrule/nn/table_model.hpp"
#include "chainrule/nn/trainer.hpp"
#include "chainrule/tensor/tensor.hpp"
