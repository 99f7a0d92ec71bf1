"""What a study takes from the hub."""

from disentangle.corpus.hub_text import HUB_KINDS, HubText
from disentangle.corpus.named_tokenizers import tokenizer_on_hub
from disentangle.hub import ON_HUB, HubItem
from disentangle.study.config import StudyConfig
from disentangle.study.grid import external_runs

MODEL_FILES = ("*.json", "*.txt", "*.model")
"""Files that a model's folder may need besides its weights; never code."""

MODEL_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
"""A model's weights, by the names that transformers expects; pickled ones only if no others exist.
"""


def hub_items(config: StudyConfig) -> list[HubItem]:
    """What a study needs from the hub, each once."""
    sources = [*config.corpus.train, *(held.source for held in config.corpus.heldout.values())]
    items = [HubText.parse(source).item for source in sources if source.startswith(HUB_KINDS)]
    if config.tokenizer.name and (item := tokenizer_on_hub(config.tokenizer.name)):
        items.append(item)
    for run in external_runs(config):
        if run.source.startswith(ON_HUB):
            repo = run.source.removeprefix(ON_HUB)
            items += [
                HubItem("model", repo, revision, MODEL_FILES, first_of=MODEL_WEIGHTS)
                for revision in run.revisions.values()
            ]
    return list(dict.fromkeys(items))
