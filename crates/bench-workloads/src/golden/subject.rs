//! AlgoPerf's workloads as models here: their arguments translated into specs.

use super::GoldenError;
use super::config::Config;
use super::full_size;
use crate::model::Interface;
use bench_core::spec::columns::{Rows, Values};
use bench_core::spec::interface::Slot;
use bench_core::spec::workload::{
    Activation, BinaryCrossEntropy, Block, Conformer, ConformerDropout, CrossEntropy, Ctc, Decoder,
    DecoderDropout, DecoderMlp, Deepspeech, DeepspeechDropout, Dlrm, FrontEnd, Gnn, Init,
    Interaction, LogMel, Loss, MeanAbsoluteError, Mlp, Model, NormPlace, Patch, Pool, Resnet,
    SpeechNorm, Stem, Transformer, TransformerDropout, Unet, Vit,
};

/// A model to compare, with its loss.
pub(super) struct Subject {
    pub(super) model: Model,
    pub(super) interface: Interface,
    pub(super) loss: Loss,
}

/// The model of a case; none where its kind is not built.
pub(super) fn of_case(workload: &str, config: &Config) -> Option<Result<Subject, GoldenError>> {
    Some(match workload {
        "mnist" => mnist(config),
        "cifar" => cifar(config),
        "finewebedu_lm" => finewebedu(config),
        "imagenet_vit" => vit(config),
        "imagenet_resnet" => resnet(config),
        "criteo1tb" => criteo(config),
        "ogbg" => ogbg(config),
        "fastmri" => fastmri(config),
        "wmt" => wmt(config),
        "librispeech_conformer" => conformer(config),
        "librispeech_deepspeech" => deepspeech(config),
        _ => return None,
    })
}

/// AlgoPerf's own settings of a workload; none where its kind is not built.
pub(super) fn full_size(workload: &str, variant: &str) -> Option<Result<Subject, GoldenError>> {
    of_case(workload, &full_size::config(workload, variant)?)
}

fn cross_entropy() -> Loss {
    Loss::CrossEntropy(CrossEntropy::default())
}

/// One input of one row an example, a target of the same.
fn one_row(shape: &[u64], target: &[u64], values: Values) -> Interface {
    Interface {
        inputs: vec![Slot::new("inputs", shape, Rows::One, Values::Real)],
        beside: Vec::new(),
        target: Slot::new("targets", target, Rows::One, values),
    }
}

/// Ragged input and tokens.
fn ragged(shape: &[u64], values: Values, vocabulary: u64) -> Interface {
    let tokens = Values::Tokens(vocabulary);
    Interface {
        inputs: vec![Slot::new("inputs", shape, Rows::Ragged, values)],
        beside: Vec::new(),
        target: Slot::new("targets", &[], Rows::Ragged, tokens),
    }
}

fn activation(name: &str, otherwise: Activation) -> Activation {
    match name {
        "relu" => Activation::Relu,
        "silu" | "swish" => Activation::Silu,
        "gelu" => Activation::GeluTanh,
        "tanh" => Activation::Tanh,
        _ => otherwise,
    }
}

fn norm_place(before: bool) -> NormPlace {
    match before {
        true => NormPlace::Before,
        false => NormPlace::After,
    }
}

fn mnist(config: &Config) -> Result<Subject, GoldenError> {
    Ok(Subject {
        model: Model::Mlp(Mlp {
            hidden: vec![config.integer("num_hidden")?],
            activation: Activation::Sigmoid,
            init: Init::Uniform,
            dropout: 0.0,
        }),
        interface: Interface::classes(
            &[config.integer("input_size")?],
            config.integer("num_classes")?,
        ),
        loss: cross_entropy(),
    })
}

/// On three channels of 32x32 pixels, whatever the arguments.
fn cifar(config: &Config) -> Result<Subject, GoldenError> {
    residual(config, Stem::Small, [32, 32])
}

/// On images of any size: all of the last maps is averaged.
fn resnet(config: &Config) -> Result<Subject, GoldenError> {
    residual(config, Stem::Imagenet, [224, 224])
}

fn residual(config: &Config, stem: Stem, sides: [u64; 2]) -> Result<Subject, GoldenError> {
    Ok(Subject {
        model: Model::Resnet(Resnet {
            stages: config.integers("stage_sizes")?,
            filters: config.integer("num_filters")?,
            block: match config.text("block")? {
                "basic" => Block::Basic,
                _ => Block::Bottleneck,
            },
            stem,
            activation: activation(config.text("act_fnc").unwrap_or("relu"), Activation::Relu),
            last_norm_scale: 0.0,
        }),
        interface: Interface::classes(&[3, sides[0], sides[1]], config.integer("num_classes")?),
        loss: cross_entropy(),
    })
}

fn vit(config: &Config) -> Result<Subject, GoldenError> {
    let patch = config.integers("patch_size")?;
    let &[down, across] = patch.as_slice() else {
        return Err(config.refuse("patch_size", "a height and a width"));
    };
    let sides = config.integers("image_size")?;
    let &[height, width] = sides.as_slice() else {
        return Err(config.refuse("image_size", "a height and a width"));
    };
    Ok(Subject {
        model: Model::Vit(Vit {
            patch: Patch::Sides([down, across]),
            width: config.integer("width")?,
            layers: config.integer("depth")?,
            heads: config.integer("num_heads")?,
            hidden: config.integer("mlp_dim")?,
            activation: Activation::GeluTanh,
            gated: config.flag("use_glu")?,
            norm: norm_place(!config.flag("use_post_layer_norm")?),
            pool: match config.flag("use_map")? {
                true => Pool::Attention,
                false => Pool::Mean,
            },
            dropout: TransformerDropout::default(),
        }),
        interface: Interface::classes(&[3, height, width], config.integer("num_classes")?),
        loss: cross_entropy(),
    })
}

fn finewebedu(config: &Config) -> Result<Subject, GoldenError> {
    let multiple = config.integer("multiple_of")?;
    Ok(Subject {
        model: Model::Decoder(Decoder {
            width: config.integer("model_dim")?,
            layers: config.integer("num_layers")?,
            heads: config.integer("num_heads")?,
            hidden: config
                .integer("expanded_model_dim")?
                .next_multiple_of(multiple),
            mlp: DecoderMlp::Gated,
            convolutions: false,
            tie_embeddings: config.flag("tie_embeddings").unwrap_or(true),
            dropout: DecoderDropout::default(),
        }),
        interface: Interface::text(config.integer("seq_len")?, config.integer("vocab_size")?),
        loss: cross_entropy(),
    })
}

fn criteo(config: &Config) -> Result<Subject, GoldenError> {
    let (residual, vocabulary) = (config.flag("use_resnet")?, config.integer("vocab_size")?);
    let mut top = config.integers("mlp_top_dims")?;
    // The last one is the output.
    let _ = top.pop();
    let slot = |name: &str, size: &str, values: Values| {
        let size = config.integer(size)?;
        Ok::<_, GoldenError>(Slot::new(name, &[size], Rows::One, values))
    };
    Ok(Subject {
        model: Model::Dlrm(Dlrm {
            vocabulary,
            width: config.integer("embed_dim")?,
            bottom: config.integers("mlp_bottom_dims")?,
            top,
            interaction: match residual {
                true => Interaction::Residual,
                false => Interaction::Products,
            },
            layer_norm: config.flag("use_layer_norm")?,
            embedding_init: None,
            dropout: 0.0,
        }),
        interface: Interface {
            inputs: vec![
                slot("dense", "num_dense_features", Values::Real)?,
                slot("sparse", "num_sparse_features", Values::Classes(vocabulary))?,
            ],
            beside: Vec::new(),
            target: Slot::new("targets", &[], Rows::One, Values::Binary),
        },
        loss: Loss::BinaryCrossEntropy(BinaryCrossEntropy::default()),
    })
}

/// On 9 numbers a node and 3 an edge, whatever the arguments.
fn ogbg(config: &Config) -> Result<Subject, GoldenError> {
    let slot = |name: &str, shape: &[u64], values| Slot::new(name, shape, Rows::Ragged, values);
    let outputs = config.integer("num_outputs")?;
    Ok(Subject {
        model: Model::Gnn(Gnn {
            latent: config.integer("latent_dim")?,
            hidden: config.integers("hidden_dims")?,
            rounds: config.integer("num_message_passing_steps")?,
            activation: activation(config.text("activation_fn_name")?, Activation::Relu),
            dropout: 0.0,
        }),
        interface: Interface {
            inputs: vec![
                slot("nodes", &[9], Values::Real),
                slot("edges", &[3], Values::Real),
                slot("senders", &[], Values::Index),
                slot("receivers", &[], Values::Index),
            ],
            beside: Vec::new(),
            target: Slot::new("targets", &[outputs], Rows::One, Values::Binary),
        },
        loss: Loss::BinaryCrossEntropy(BinaryCrossEntropy::default()),
    })
}

/// On maps of any size that the halvings leave something of.
fn fastmri(config: &Config) -> Result<Subject, GoldenError> {
    let pools = config.integer("num_pool_layers")?;
    let side = 2 << pools;
    Ok(Subject {
        model: Model::Unet(Unet {
            channels: config.integer("num_channels")?,
            pools,
            activation: match config.flag("use_tanh")? {
                true => Activation::Tanh,
                false => Activation::LeakyRelu,
            },
            layer_norm: config.flag("use_layer_norm")?,
            dropout: 0.0,
        }),
        interface: one_row(&[side, side], &[side, side], Values::Real),
        loss: Loss::MeanAbsoluteError(MeanAbsoluteError {}),
    })
}

fn wmt(config: &Config) -> Result<Subject, GoldenError> {
    let vocabulary = config.integer("ntoken")?;
    Ok(Subject {
        model: Model::Transformer(Transformer {
            width: config.integer("d_model")?,
            layers: config.integer("nlayers")?,
            heads: config.integer("nhead")?,
            hidden: config.integer("d_hid")?,
            activation: activation(config.text("activation")?, Activation::Relu),
            gated: config.flag("glu")?,
            norm: norm_place(config.flag("pre_ln")?),
            attention_temperature: config.number("attention_temp")?,
            positions: 256,
            dropout: TransformerDropout::default(),
        }),
        interface: ragged(&[], Values::Tokens(vocabulary), vocabulary),
        loss: cross_entropy(),
    })
}

/// Sound, or features that were made of it elsewhere.
fn heard(config: &Config) -> Result<(FrontEnd, Interface), GoldenError> {
    let (bins, vocabulary) = (config.integer("num_bins")?, config.integer("vocab_size")?);
    Ok(match config.flag("preprocessor")? {
        true => {
            let mel = LogMel {
                bins,
                ..LogMel::default()
            };
            (FrontEnd::LogMel(mel), ragged(&[], Values::Real, vocabulary))
        }
        false => (FrontEnd::None, ragged(&[bins], Values::Real, vocabulary)),
    })
}

fn conformer(config: &Config) -> Result<Subject, GoldenError> {
    let (front_end, interface) = heard(config)?;
    // Its exponential units are of two forms: in convolution modules the exact one.
    let inside = activation(config.text("activation_function_name")?, Activation::Silu);
    Ok(Subject {
        model: Model::Conformer(Conformer {
            width: config.integer("encoder_dim")?,
            layers: config.integer("num_encoder_layers")?,
            heads: config.integer("num_attention_heads")?,
            channels: None,
            kernel: config.integer("convolution_kernel_size")?,
            expansion: config.integer("feed_forward_expansion_factor")?,
            activation: inside,
            convolution_activation: match inside {
                Activation::GeluTanh => Activation::Gelu,
                other => other,
            },
            attention_temperature: config.number("attention_temperature")?,
            block_norm: config.flag("use_post_layer_norm")?,
            batch_norm_share: 0.001,
            front_end,
            spec_augment: None,
            length: None,
            dropout: ConformerDropout::default(),
        }),
        interface,
        loss: Loss::Ctc(Ctc {}),
    })
}

fn deepspeech(config: &Config) -> Result<Subject, GoldenError> {
    let (front_end, interface) = heard(config)?;
    Ok(Subject {
        model: Model::Deepspeech(Deepspeech {
            width: config.integer("encoder_dim")?,
            recurrent: config.integer("num_lstm_layers")?,
            feed_forward: config.integer("num_ffn_layers")?,
            channels: None,
            activation: match config.flag("use_tanh")? {
                true => Activation::Tanh,
                false => Activation::Relu,
            },
            residual: config.flag("enable_residual_connections")?,
            norm: match config.flag("layernorm_everywhere")? {
                true => SpeechNorm::Layer,
                false => SpeechNorm::Batch,
            },
            final_norm: config.flag("enable_decoder_layer_norm")?,
            batch_norm_share: 0.001,
            front_end,
            spec_augment: None,
            length: None,
            dropout: DeepspeechDropout::default(),
        }),
        interface,
        loss: Loss::Ctc(Ctc {}),
    })
}
