"""Every word of the page, in English and Chinese: one table."""

LANGUAGES = {"en": "EN", "zh": "中文"}
TAGS = {"en": "en", "zh": "zh-CN"}  # as browsers name them

TABLE: dict[str, tuple[str, str]] = {
    # --- the page
    "title": ("A small DALL·E", "小小 DALL·E"),
    "tagline": (
        "Words become pictures, and pictures bend under your hand.",
        "一句话变成图画，图画随手而变。",
    ),
    "language": ("Language", "语言"),
    "theme": ("Light or dark", "浅色或深色"),
    "tab_create": ("Create", "创作"),
    "tab_about": ("About", "关于"),
    # --- the prompt
    "prompt": ("Prompt", "描述"),
    "prompt_hint": ("A red apple on a yellow background", "红苹果"),
    "draw": ("Draw", "画"),
    "stop": ("Stop", "停止"),
    "examples": ("Examples", "示例"),
    "surprise": ("Surprise me", "随便来一个"),
    "unknown": (
        "It has never met {words}. What it draws there is a guess.",
        "它没见过{words}，画出来的只是猜测。",
    ),
    "unknown_word": (
        "<b>{word}</b> (nearest it knows: <em>{near}</em>)",
        "<b>{word}</b>（最接近的词：<em>{near}</em>）",
    ),
    "list_join": (", ", "、"),
    "too_long": (
        "It reads no further than this; left out: <b>{rest}</b>",
        "描述太长，以下部分没有读到：<b>{rest}</b>",
    ),
    # --- settings
    "style": ("Drawing style", "画风"),
    "style_any": ("Any", "不限"),
    "style_noto": ("Noto", "Noto"),
    "style_noto-v1": ("Noto blobs", "Noto 圆团"),
    "style_twemoji": ("Twemoji", "Twemoji"),
    "style_fluent-emoji": ("Fluent 3D", "Fluent 立体"),
    "style_fluent-emoji-flat": ("Fluent flat", "Fluent 扁平"),
    "style_fxemoji": ("Firefox", "Firefox"),
    "style_emojione": ("EmojiOne", "EmojiOne"),
    "settings": ("Settings", "设置"),
    "count": ("How many", "张数"),
    "negative": ("Leave out", "不要出现"),
    "negative_hint": ("what should not be there", "不想看到的东西"),
    "guidance": ("Guidance", "引导强度"),
    "guidance_info": ("how closely to follow the words", "贴合描述的程度"),
    "steps": ("Steps", "步数"),
    "steps_info": ("more are slower and finer", "越多越慢，也越细"),
    "seed": ("Seed", "种子"),
    "seed_info": ("the same seed draws the same picture", "同一种子画出同一张图"),
    "fresh": ("A new seed every time", "每次换新种子"),
    "drop": ("Open a PNG", "打开 PNG"),
    # --- drawing
    "pictures": ("Pictures", "图画"),
    "empty_title": ("Nothing drawn yet", "还没有图画"),
    "empty": ("Type what you would like to see and press Enter.", "写下想看的东西，按回车。"),
    "starting": ("Starting", "开始"),
    "waiting": (
        "Many are drawing right now. Your place in the queue: {place}",
        "现在人多，您排在第 {place} 位",
    ),
    "progress": ("Step {step} of {steps}", "第 {step} 步，共 {steps} 步"),
    "left": ("about {seconds} s left", "约剩 {seconds} 秒"),
    "done": ("Done. Choose a picture to shape it.", "画好了。选一张来调整。"),
    "stopped": ("Stopped.", "已停止。"),
    "busy": (
        "Too many are waiting right now ({waiting}). Try again in a moment.",
        "排队的人太多（{waiting}），请稍后再试。",
    ),
    "failed": ("This could not be drawn: {reason}", "无法绘制：{reason}"),
    "zip": ("All as a zip", "全部下载 (zip)"),
    # --- the bench
    "bench": ("Shape it", "调整"),
    "bench_empty_title": ("Twenty sliders are waiting", "二十个滑块在等您"),
    "bench_empty": (
        "Choose a picture: it opens here, and follows the sliders while you drag.",
        "选一张图画：它会在这里打开，随滑块实时变化。",
    ),
    "undo": ("Undo", "撤销"),
    "reset": ("Reset", "复原"),
    "nudge": ("Nudge", "微调"),
    "resample": ("Resample", "重新抽样"),
    "keep": ("Keep", "收藏"),
    "kept": ("Kept in the history.", "已收入历史。"),
    "reuse": ("Reuse", "沿用"),
    "download": ("Download", "下载"),
    "copy_link": ("Copy link", "复制链接"),
    "more_sliders": ("Twelve more sliders", "其余十二个滑块"),
    "walk": ("See what the sliders do", "看看滑块的作用"),
    "walk_across": ("Across", "横向"),
    "walk_down": ("Down", "纵向"),
    "walk_none": ("nothing", "无"),
    "walk_go": ("Show", "显示"),
    # --- the Edit tab
    "tab_edit": ("Edit", "编辑"),
    "edit": ("Edit", "编辑"),
    "edit_picture": ("Picture", "图片"),
    "edit_open": ("Open a picture", "打开图片"),
    "edit_opening": ("Looking at it", "正在读取"),
    "edit_empty_title": ("No picture yet", "还没有图片"),
    "edit_empty": (
        "Open, paste or drop any picture, or press <b>Edit</b> beside one that you drew.",
        "打开、粘贴或拖入任意图片，也可以在画好的图旁按<b>编辑</b>。",
    ),
    "edit_bad_file": ("This file cannot be opened: {reason}", "无法打开此文件：{reason}"),
    "edit_failed": ("This cannot be done: {reason}", "无法完成：{reason}"),
    "needs_file": (
        "This picture began as a file that only its owner has. Open the file whose SHA-256 begins {file}, "
        "and the edits are made again.",
        "这张图始于一个只有其主人才有的文件。打开 SHA-256 以 {file} 开头的文件，即可重做这些编辑。",
    ),
    "edit_as_is": ("As it is", "原图"),
    "edit_as_seen": ("As the model sees it", "模型所见"),
    "edit_psnr": ("{psnr} dB", "{psnr} 分贝"),
    "edit_caption": ("It shows", "图中是"),
    "edit_caption_hint": ("a cat: say it, and edits keep to it better", "例如：猫。写明后，编辑更贴近原图"),
    "tool": ("Tool", "工具"),
    "tool_vary": ("Variations", "变体"),
    "tool_words": ("Change the words", "改描述"),
    "tool_restyle": ("Style", "画风"),
    "tool_paint": ("Paint over", "局部重画"),
    "tool_extend": ("Extend", "扩展"),
    "tool_blend": ("Blend", "融合"),
    "tool_bend": ("Sliders", "滑块"),
    "tool_enlarge": ("Enlarge", "放大"),
    "tool_cut": ("Cut out", "抠图"),
    "edit_amount": ("How far", "变化幅度"),
    "edit_amount_info": ("from barely to wildly different", "从细微到大变"),
    "edit_keep": ("How much stays", "保留多少"),
    "edit_keep_info": ("results range around it, from bold to careful", "结果在其左右，从大胆到谨慎"),
    "edit_room": ("How much room", "扩展多少"),
    "edit_room_info": ("share of the picture that is new", "新画部分所占的比例"),
    "edit_wanted": ("What the picture shows then", "改后图中是"),
    "edit_wanted_hint": ("a cat with a hat", "戴帽子的猫"),
    "edit_beside": ("Blend with what", "与什么融合"),
    "edit_beside_hint": ("a pizza; or open another picture", "披萨；或打开另一张图"),
    "edit_other": ("Open another picture", "打开另一张图"),
    "edit_look": ("Drawing style", "画风"),
    "edit_every_style": ("All of them", "全部"),
    "edit_other_style": ("Another picture's", "另一张图的"),
    "edit_side": ("Where", "方向"),
    "side_out": ("All around", "四周"),
    "side_left": ("Left", "左"),
    "side_right": ("Right", "右"),
    "side_up": ("Above", "上"),
    "side_down": ("Below", "下"),
    "edit_factor": ("How large", "倍数"),
    "edit_cut_hint": (
        "The flat background becomes transparent: for icons, stickers and favicons.",
        "纯色背景变为透明，适合图标、贴纸和网站图标。",
    ),
    "board": (
        "Paint over what is to change. With keys: arrows move the brush, space paints.",
        "涂抹要重画的部分。键盘：方向键移动画笔，空格键涂抹。",
    ),
    "brush": ("Brush", "画笔"),
    "board_clear": ("Clear", "清除"),
    "edit_go": ("Make it", "开始"),
    "edit_done": ("Done. Slide to compare with what it was.", "完成。拖动滑块与原图比较。"),
    "edit_lanczos": (
        "This checkpoint has no upscaler: Lanczos interpolation stood in, which adds no detail.",
        "此检查点没有放大网络，以 Lanczos 插值代替，不会增加细节。",
    ),
    "results": ("Results", "结果"),
    "results_empty_title": ("Nothing changed yet", "还没有改动"),
    "results_empty": (
        "What you make stands here, beside what it was.",
        "结果会出现在这里，与原图并列。",
    ),
    "result": ("Result {number}", "结果 {number}"),
    "before": ("Before", "之前"),
    "after": ("After", "之后"),
    "compare": ("Before and after", "前后对比"),
    "go_on": ("Go on from this", "以此继续"),
    "edit_download": ("Download", "下载"),
    "edit_link": ("Copy link", "复制链接"),
    "edit_icons": ("Icons (zip)", "图标 (zip)"),
    "edit_gif": ("Animation (GIF)", "动画 (GIF)"),
    "edit_webp": ("Animation (WebP)", "动画 (WebP)"),
    # --- history and links
    "history": ("History", "历史"),
    "history_hint": (
        "Kept in this browser only. To go on from a PNG that was made here, drop it anywhere on the page.",
        "只存在本浏览器中。把在这里生成的 PNG 拖到页面任意处，即可接着做。",
    ),
    "clear": ("Clear", "清空"),
    "clear_sure": ("Forget all pictures of the history?", "清空全部历史记录？"),
    "restored": ("Restored: prompt, settings and picture.", "已恢复描述、设置和图画。"),
    "link_bad": ("This link cannot be opened: {reason}", "无法打开此链接：{reason}"),
    "file_bad": ("This file cannot be restored: {reason}", "无法从此文件恢复：{reason}"),
    "other_checkpoint": (
        "This picture was made with checkpoint {theirs}; here {ours} draws, so it looks different.",
        "这张图出自检查点 {theirs}，而这里使用 {ours}，画出来会不同。",
    ),
    # --- footer
    "checkpoint": ("Checkpoint", "检查点"),
    "can_draw": (
        "Draws icons at {size}×{size}: things, animals, food, faces; in colours, counts, places and pairs.",
        "绘制 {size}×{size} 的图标：物品、动物、食物、表情，可指定颜色、数量、位置和组合。",
    ),
    "credits": ("Learnt from drawings by", "学自以下图标集"),
    "offline": (
        "The server does not answer. Settings and history are safe in this browser; "
        "the page goes on as soon as it is back.",
        "服务器没有回应。设置和历史都保存在本浏览器中，恢复后即可继续。",
    ),
}


class Say:
    """Texts in one language: say("draw") -> "Draw"."""

    def __init__(self, language: str):
        """Raises ValueError for a language that is not among LANGUAGES."""
        if language not in LANGUAGES:
            raise ValueError(f"no language {language!r}; there are {', '.join(LANGUAGES)}")
        self.language = language
        self._column = list(LANGUAGES).index(language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key of TABLE, with `values` in its braces; KeyError where there is none."""
        return TABLE[key][self._column].format(**values)
