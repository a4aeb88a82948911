"""What a stored Keras configuration may name: classes and functions that compute on tensors and touch nothing else.

The tables are spelled out rather than read off the installed libraries, so that what a new version of Keras or TensorFlow adds is
refused until somebody looked at it. Left out on purpose: Lambda, layers around other programs or files (TFSMLayer,
TorchModuleWrapper, JaxLayer, FlaxLayer), functions that read, write, print or load (`io`, `audio`, `summary`, `saved_model`,
`print`, `py_function`, `load_op_library`), those that take Python functions, and all of `raw_ops`.
"""

from __future__ import annotations

import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _names(
    """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D
    AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional
    CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D
    ConvLSTM1DCell ConvLSTM2D ConvLSTM2DCell ConvLSTM3D ConvLSTM3DCell Convolution1D Convolution1DTranspose Convolution2D
    Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D
    DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Flatten Functional GRU GRUCell GRUV1 GRUV2
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D
    GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GroupNormalization HashedCrossing Hashing Identity InputLayer InputSpec IntegerLookup LSTM LSTMCell
    LSTMV1 LSTMV2 LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxPool1D MaxPool2D MaxPool3D
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum Model MultiHeadAttention Multiply Normalization PReLU Permute RNN
    RandomBrightness RandomContrast RandomCrop RandomFlip RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom
    ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D
    Sequential SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization
    StackedRNNCells StringLookup Subtract SyncBatchNormalization TextVectorization ThresholdedReLU TimeDistributed
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
    AdaptiveMaxPooling3D AugMix CutMix GroupQueryAttention GroupedQueryAttention MixUp Pipeline RMSNormalization RandAugment
    RandomColorDegeneration RandomColorJitter RandomElasticTransform RandomErasing RandomGaussianBlur RandomGrayscale
    RandomHue RandomInvert RandomPerspective RandomPosterization RandomSaturation RandomSharpness RandomShear
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)

# Initializers, regularizers and constraints, under all names that either Keras knows them by.
PARTS = _names(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones
    Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal VarianceScaling Zeros
    constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform normal one ones orthogonal
    random_normal random_uniform stft truncated_normal uniform variance_scaling zero zeros L1 L1L2 L2 OrthogonalRegularizer l1
    l1_l2 l2 orthogonal_regularizer MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm max_norm min_max_norm non_neg nonneg
    radial_constraint unit_norm
    """
)

# What training left behind: types of numbers, optimisers, losses and metrics, kept with nested models that were compiled.
TRAINING = _names(
    """
    DTypePolicy DTypePolicyMap FloatDTypePolicy Policy PolicyV1 SeedGenerator LossScaleOptimizer DynamicLossScale Adadelta
    Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop SGD CosineDecay CosineDecayRestarts ExponentialDecay
    InverseTimeDecay PiecewiseConstantDecay PolynomialDecay BinaryCrossentropy BinaryFocalCrossentropy CTC
    CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber
    KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
    SparseCategoricalCrossentropy SquaredHinge Tversky AUC Accuracy BinaryAccuracy BinaryIoU CategoricalAccuracy F1Score
    FBetaScore FalseNegatives FalsePositives IoU LogCoshError Mean MeanIoU MeanMetricWrapper MeanRelativeError MeanTensor
    OneHotIoU OneHotMeanIoU Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
    SensitivityAtSpecificity SparseCategoricalAccuracy SparseTopKCategoricalAccuracy SpecificityAtSensitivity Sum
    TopKCategoricalAccuracy TrueNegatives TruePositives
    """
)

CLASSES = LAYERS | PARTS | TRAINING

ACTIVATIONS = _names(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid
    log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax
    squareplus swish tanh tanh_shrink threshold ELU LeakyReLU PReLU ReLU Softmax ThresholdedReLU
    """
)

# Functions that a configuration may name as such: activations, initializers and the like, losses and metrics.
FUNCTIONS = (
    ACTIVATIONS
    | PARTS
    | _names(
        """
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy categorical_crossentropy
    categorical_focal_crossentropy categorical_hinge cosine_similarity hinge huber kl_divergence log_cosh mean_absolute_error
    mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson sparse_categorical_accuracy
    sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge top_k_categorical_accuracy
    """
    )
)

# Entries that are plain values in a dict's clothes.
VALUES = _names(
    """
    TensorShape __bytes__ __complex__ __dtype__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__
    """
)
TYPE_SPECS = frozenset({"tf.TensorSpec", "tf.RaggedTensorSpec", "tf.SparseTensorSpec"})

# Layers that tf_keras makes of a call on a tensor or of one of its attributes; each with what may be called or read.
TENSOR_METHODS = _names(
    """
    bounding_shape dense_shape flat_values indices merge_dims nested_row_lengths nested_row_splits nested_value_rowids nrows
    row_lengths row_limits row_splits row_starts to_sparse to_tensor value_rowids values with_flat_values
    with_row_splits_dtype with_values
    """
)
CLASS_METHODS = frozenset(
    f"RaggedTensor.from_{source}"
    for source in _names(
        """
        nested_row_lengths nested_row_splits row_lengths row_limits row_splits row_starts sparse tensor uniform_row_length
        value_rowids
        """
    )
)

# TensorFlow's functions by module. A name may be stored with "compat.v1." in front: the same function with older arguments.
_TENSOR_FUNCTIONS = {
    "": """
    abs acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh batch_to_space batch_to_space_nd bitcast
    boolean_mask broadcast_dynamic_shape broadcast_static_shape broadcast_to cast ceil clip_by_norm clip_by_value complex
    concat constant convert_to_tensor cos cosh cumprod cumsum depth_to_space div div_no_nan divide dynamic_partition
    dynamic_stitch einsum ensure_shape equal exp expand_dims extract_image_patches extract_volume_patches eye fill floor
    floor_div floordiv floormod gather gather_nd greater greater_equal histogram_fixed_width identity identity_n less
    less_equal linspace log log1p log_sigmoid logical_and logical_not logical_or logical_xor matmul matrix_band_part
    matrix_diag matrix_diag_part matrix_transpose maximum meshgrid minimum mod multiply negative norm not_equal one_hot ones
    ones_like pad pow random_normal random_uniform range rank realdiv reciprocal reduce_all reduce_any reduce_logsumexp
    reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat reshape reverse reverse_sequence reverse_v2 rint roll
    round rsqrt saturate_cast scalar_mul scatter_nd searchsorted sequence_mask shape shape_n sigmoid sign sin sinh size slice
    sort space_to_batch space_to_batch_nd space_to_depth split sqrt square squared_difference squeeze stack stop_gradient
    strided_slice subtract tan tanh tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub
    tensor_scatter_nd_update tensordot tile to_double to_float to_int32 to_int64 transpose truediv truncatediv truncatemod
    unique unravel_index unstack where where_v2 zeros zeros_like
    """,
    "__operators__": "add eq getitem ne ragged_getitem",
    "bitwise": "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift",
    "math": """
    abs accumulate_n acos acosh add add_n angle approx_max_k approx_min_k argmax argmin asin asinh atan atan2 atanh bessel_i0
    bessel_i0e bessel_i1 bessel_i1e betainc bincount ceil confusion_matrix conj cos cosh count_nonzero cumprod cumsum
    cumulative_logsumexp digamma divide divide_no_nan equal erf erfc erfcinv erfinv exp expm1 floor floordiv floormod greater
    greater_equal igamma igammac imag in_top_k invert_permutation is_finite is_inf is_nan is_non_decreasing
    is_strictly_increasing l2_normalize lbeta less less_equal lgamma log log1p log_sigmoid log_softmax logical_and logical_not
    logical_or logical_xor maximum minimum mod multiply multiply_no_nan ndtri negative nextafter not_equal polygamma polyval
    pow real reciprocal reciprocal_no_nan reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean
    reduce_min reduce_prod reduce_std reduce_sum reduce_variance rint round rsqrt scalar_mul segment_max segment_mean
    segment_min segment_prod segment_sum sigmoid sign sin sinh sobol_sample softmax softplus softsign sqrt square
    squared_difference subtract tan tanh top_k truediv unsorted_segment_max unsorted_segment_mean unsorted_segment_min
    unsorted_segment_prod unsorted_segment_sqrt_n unsorted_segment_sum xdivy xlog1py xlogy zero_fraction zeta
    """,
    "nn": """
    approx_max_k approx_min_k atrous_conv2d atrous_conv2d_transpose avg_pool avg_pool1d avg_pool2d avg_pool3d avg_pool_v2
    batch_norm_with_global_normalization batch_normalization bias_add conv1d conv1d_transpose conv2d conv2d_transpose conv3d
    conv3d_transpose conv_transpose convolution crelu depth_to_space depthwise_conv2d dilation2d dropout elu embedding_lookup
    erosion2d fractional_avg_pool fractional_max_pool gelu in_top_k l2_loss l2_normalize leaky_relu
    local_response_normalization log_softmax lrn max_pool max_pool1d max_pool2d max_pool3d max_pool_v2 max_pool_with_argmax
    moments normalize_moments pool relu relu6 scale_regularization_loss selu separable_conv2d sigmoid
    sigmoid_cross_entropy_with_logits silu softmax softmax_cross_entropy_with_logits softplus softsign space_to_batch
    space_to_depth sparse_softmax_cross_entropy_with_logits sufficient_statistics swish tanh top_k weighted_moments
    with_space_to_batch zero_fraction
    """,
    "linalg": """
    adjoint band_part banded_triangular_solve cholesky cholesky_solve cross det diag diag_part eig eigh eigvals eigvalsh
    einsum expm eye global_norm inv l2_normalize logdet logm lstsq lu matmul matrix_rank matrix_transpose matvec norm
    normalize pinv qr set_diag slogdet solve sqrtm svd tensor_diag tensor_diag_part tensordot trace transpose triangular_solve
    tridiagonal_matmul tridiagonal_solve
    """,
    "signal": """
    dct fft fft2d fft3d fftnd fftshift frame hamming_window hann_window idct ifft ifft2d ifft3d ifftnd ifftshift irfft irfft2d
    irfft3d irfftnd kaiser_bessel_derived_window kaiser_window linear_to_mel_weight_matrix mfccs_from_log_mel_spectrograms
    overlap_and_add rfft rfft2d rfft3d rfftnd vorbis_window
    """,
    "image": """
    adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop convert_image_dtype
    crop_and_resize crop_to_bounding_box extract_glimpse extract_image_patches extract_patches flip_left_right flip_up_down
    grayscale_to_rgb hsv_to_rgb image_gradients non_max_suppression pad_to_bounding_box per_image_standardization resize
    resize_area resize_bicubic resize_bilinear resize_image_with_crop_or_pad resize_image_with_pad resize_images
    resize_nearest_neighbor resize_with_crop_or_pad resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq rgb_to_yuv rot90
    sobel_edges total_variation transpose yiq_to_rgb yuv_to_rgb
    """,
    "random": "categorical normal poisson shuffle stateless_normal stateless_uniform truncated_normal uniform",
    "quantization": """
    dequantize fake_quant_with_min_max_args fake_quant_with_min_max_vars fake_quant_with_min_max_vars_per_channel
    quantize_and_dequantize quantize_and_dequantize_v2
    """,
    "dtypes": "cast complex saturate_cast",
    "keras.activations": """
    elu exponential gelu hard_sigmoid linear mish relu selu sigmoid softmax softplus softsign swish tanh
    """,
    "keras.backend": """
    abs all any argmax argmin batch_dot batch_flatten batch_normalization bias_add cast clip concatenate conv1d conv2d
    conv2d_transpose conv3d cos cumprod cumsum depthwise_conv2d dot dropout elu equal exp expand_dims flatten gather greater
    greater_equal hard_sigmoid l2_normalize less less_equal local_conv1d local_conv2d log max maximum mean min minimum
    not_equal one_hot ones_like permute_dimensions pool2d pool3d pow prod relu repeat repeat_elements reshape resize_images
    resize_volumes reverse round separable_conv2d shape sigmoid sign sin softmax softplus softsign spatial_2d_padding
    spatial_3d_padding sqrt square squeeze stack std stop_gradient sum switch tanh temporal_padding tile transpose var
    zeros_like
    """,
}
TENSOR_FUNCTIONS = frozenset(
    f"{module}.{name}" if module else name for module, names in _TENSOR_FUNCTIONS.items() for name in names.split()
)

# Where Keras finds what is on the lists; it writes down TensorFlow's own files for initializers and activations given from there.
_MODULE = re.compile(r"(tf_)?keras(\.\w+)*|tensorflow\.python\.ops\.(init_ops(_v2)?|nn_impl|(gen_)?(array|math|nn)_ops)")


def is_tensor_function(name: str) -> bool:
    """Whether TensorFlow's public function of this name computes on tensors and does nothing else."""
    return name.removeprefix("compat.v1.") in TENSOR_FUNCTIONS


def is_known_module(name: str) -> bool:
    """Whether a module is one of Keras's own, of either generation, or one of TensorFlow's with initializers and activations."""
    return _MODULE.fullmatch(name) is not None
