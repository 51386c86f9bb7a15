"""Tiny models with random weights in Hugging Face's layout: real architectures, a few hundred kilobytes.

    folder = llava(tmp_path / "llava")      # sees
    folder = idefics3(tmp_path / "smolvlm")  # sees; SmolVLM's architecture
    folder = llama(tmp_path / "llama")       # blind

They speak nonsense, but what they say depends on every pixel and word that reaches them.
"""

from pathlib import Path
from typing import Any, cast

CONTEXT = 1_024
SPECIAL = (
    "<|end|>",
    "<|start|>",
    "<image>",
    "<fake_token_around_image>",
    "<end_of_utterance>",
    "<global-img>",
)
TEXT_TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
    "{% if p.type == 'image' %}<image>{% else %}{{ p.text }}{% endif %}{% endfor %}{% endif %}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def tokenizer() -> Any:
    """Byte-level BPE over bytes and a few merges, made here rather than trained."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [
        ("t", "h"),
        ("th", "e"),
        ("i", "n"),
        ("Ġ", "the"),
        ("a", "n"),
        ("e", "r"),
        ("o", "u"),
        ("Ġ", "a"),
    ]
    words = [*letters, *(a + b for a, b in merges)]
    vocabulary = {word: at for at, word in enumerate(dict.fromkeys(words))}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    return cast(Any, PreTrainedTokenizerFast)(
        tokenizer_object=raw, eos_token="<|end|>", pad_token="<|end|>", chat_template=TEXT_TEMPLATE,
        clean_up_tokenization_spaces=False, model_max_length=CONTEXT,
    )  # fmt: skip


def _text_config(words: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(words), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": CONTEXT,
        "bos_token_id": None, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id,
        "tie_word_embeddings": False,
    }  # fmt: skip


def llama(folder: Path, seed: int = 0) -> Path:
    """A blind causal model."""
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer()
    model = _made(LlamaForCausalLM, LlamaConfig(**_text_config(words)), words, seed)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def llava(folder: Path, seed: int = 0) -> Path:
    """LLaVA: a CLIP tower of 28 pixels in patches of 14, so four picture tokens."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    words = tokenizer()
    sight = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
    )
    config = LlavaConfig(
        vision_config=sight, text_config=LlamaConfig(**_text_config(words)),
        image_token_index=words.convert_tokens_to_ids("<image>"), vision_feature_layer=-1, image_seq_length=4,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = _made(LlavaForConditionalGeneration, config, words, seed)
    eyes = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = cast(Any, LlavaProcessor)(
        eyes, words, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=TEXT_TEMPLATE,
    )  # fmt: skip
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def idefics3(folder: Path, seed: int = 0) -> Path:
    """Idefics3, the architecture of SmolVLM: pictures are cut into tiles."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        LlamaConfig,
    )

    words = tokenizer()
    config = cast(Any, Idefics3Config)(
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 28, "patch_size": 7,
        },
        text_config=LlamaConfig(**_text_config(words)), scale_factor=2,
        image_token_id=words.convert_tokens_to_ids("<image>"), pad_token_id=words.pad_token_id,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = _made(Idefics3ForConditionalGeneration, config, words, seed)
    eyes = Idefics3ImageProcessorPil(size={"longest_edge": 56}, max_image_size={"longest_edge": 28})
    processor = Idefics3Processor(eyes, words, image_seq_len=4, chat_template=TEXT_TEMPLATE)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def adapter(base: Path, folder: Path, seed: int = 5) -> Path:
    """A LoRA adapter with random weights for a model made by `llama`."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, local_files_only=True)
    tuned = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj", "o_proj"]))
    for name, weight in tuned.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.5)
    tuned.save_pretrained(str(folder))
    return folder


def _made(kind: Any, config: Any, words: Any, seed: int) -> Any:
    """Random weights, large enough that pictures matter; control tokens are never the likeliest."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = kind(config).eval()
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.25 if "vision" in name else 0.4)
        head = model.get_output_embeddings().weight
        head[words.convert_tokens_to_ids(list(SPECIAL))] = 0
        head[128:256] *= 0.1  # half of the bytes are rare, as in real text
    model.generation_config.eos_token_id = words.eos_token_id
    return model
