"""Every word of the page, in English and Chinese: one table."""

import math

from dalle.errors import ENGLISH, ErrorMessage

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
    "read_as": ("It reads this as <b>{read}</b>.", "它把这句话读作 <b>{read}</b>。"),
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
    "nudge": ("Nudge", "随机小变"),
    "resample": ("Resample", "重新抽样"),
    "keep": ("Keep", "收藏"),
    "kept": ("Kept in the history.", "已收入历史。"),
    "reuse": ("Reuse", "沿用设置"),
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
        "这张图由一个本地文件改成，只有原主人有该文件。打开 SHA-256 以 {file} 开头的文件，即可重做这些编辑。",
    ),
    "edit_other_file": (
        "This is not the file that the link asks for (SHA-256 {file}), so its edits were not made.",
        "这不是链接要找的文件（SHA-256 {file}），因此没有重做其中的编辑。",
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
        "Paint over what is to change. Keys: arrows move the brush, space paints, Shift and arrows draw.",
        "涂抹要重画的部分。键盘：方向键移动画笔，空格键涂抹，按住 Shift 移动即连续涂抹。",
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
    "edit_mp4": ("Video (MP4)", "视频 (MP4)"),
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
    # --- teaching: the pictures
    "tab_train": ("Teach", "教它"),
    "teach_pictures": ("Your pictures", "您的图片"),
    "teach_invitation": ("Teach it something of your own", "教它画您的东西"),
    "teach_invitation_hint": (
        "Five to fifty pictures of one thing, with or without captions. Drop them, or a zip, anywhere here; "
        "what comes later is added.",
        "同一样东西的五到五十张图片，有没有说明文字都行。把图片或 zip 拖到页面任意处；之后拖来的会加进去。",
    ),
    "teach_files": ("Pictures or a zip", "选图片或 zip"),
    "teach_folder": ("A folder", "选文件夹"),
    "teach_reading": ("Reading the pictures", "正在读取图片"),
    "teach_measuring": ("Measuring how fast this machine learns", "正在测量本机训练速度"),
    "teach_refused": ("This cannot be learnt from: {reason}", "无法学习：{reason}"),
    "teach_nothing": ("There is no picture among these that can be learnt from.", "其中没有可以学习的图片。"),
    "teach_count": ("pictures", "张图片"),
    "teach_matched": ("captions matched", "条说明已配对"),
    "teach_by_folder": ("named by their folders", "张以文件夹命名"),
    "teach_by_name": ("named by their files", "张以文件名命名"),
    "teach_uncaptioned": ("without a caption", "张没有说明"),
    "teach_problems": ("left out", "项未采用"),
    "teach_left_out": ("What will not be learnt from, and why", "未采用的内容及原因"),
    "problem_unreadable": ("unreadable", "无法读取"),
    "problem_duplicate": ("duplicate", "重复"),
    "problem_small": ("too small", "太小"),
    "problem_orphan": ("no picture for this caption", "说明没有对应图片"),
    "problem_caption": ("odd caption", "说明有误"),
    "problem_refused": ("refused", "拒绝"),
    "problem_ignored": ("ignored", "忽略"),
    "problem_removed": ("removed", "已移除"),
    "teach_word": ("One caption for all", "统一说明"),
    "teach_word_hint": ("a blorple: a word of your own works best", "一个新词最好，例如“小噗”"),
    "teach_same": ("Use for all", "用于全部"),
    "teach_picture": ("Picture", "图片"),
    "teach_file": ("File", "文件"),
    "teach_caption": ("Caption", "说明"),
    "teach_holds_well": (
        "Your pictures, and how the model holds them: {psnr} dB, good.",
        "您的图片，以及模型还原的样子：{psnr} 分贝，不错。",
    ),
    "teach_holds_adapts": (
        "Your pictures, and how the model holds them: {psnr} dB. It will first practise painting them.",
        "您的图片，以及模型还原的样子：{psnr} 分贝。它会先练习画这类图片。",
    ),
    "teach_preset": ("How thoroughly", "学多细"),
    "preset_quick": ("Quick", "快速"),
    "preset_good": ("Good", "良好"),
    "preset_thorough": ("Thorough", "细致"),
    "teach_how": ("Pictures that are not square", "不是正方形的图片"),
    "teach_crop": ("use the middle", "取中间"),
    "teach_pad": ("show whole", "完整显示"),
    "teach_flips": ("Mirrored pictures are as good", "镜像也可以"),
    "teach_name": ("Name", "名称"),
    "teach_name_hint": ("by default its caption", "默认用说明文字"),
    "teach_start": ("Start teaching", "开始教"),
    "teach_forget": ("Discard", "丢弃"),
    "forget_sure": ("Discard these pictures and their captions?", "丢弃这些图片和它们的说明？"),
    "run_stopping": ("stopping after this step", "将在这一步之后停止"),
    # --- teaching: the runs
    "runs": ("What it learnt", "它学过的"),
    "runs_empty": ("Nothing taught yet", "还没教过什么"),
    "teach_step_1": ("Give it pictures, and say what they show.", "给它图片，说明画的是什么。"),
    "teach_step_2": ("Watch it learn; it goes on when this page is closed.", "看它学习；关掉页面也会继续。"),
    "teach_step_3": ("Draw with it, slide with it, take it home as a zip.", "用它画、用它调整，打包带走。"),
    "state_waiting": ("Waiting", "排队中"),
    "state_preparing": ("Preparing", "准备中"),
    "state_training": ("Learning", "学习中"),
    "state_saving": ("Saving", "保存中"),
    "state_done": ("Done", "完成"),
    "state_stopped": ("Stopped", "已停止"),
    "state_failed": ("Failed", "失败"),
    "state_interrupted": ("Interrupted", "已中断"),
    "run_place": ("One learns at a time; before this one: {place}", "一次只学一个，前面还有 {place} 个"),
    "run_left": ("{time} left", "还需{time}"),
    "run_loss": ("Loss", "损失"),
    "run_samples": (
        "Drawn by now, always from the same seeds: what it learns, and what it knew",
        "现在画的样子（种子不变）：上排新学的，下排原来会的",
    ),
    "run_learnt": ("Being learnt", "要学的图片"),
    "run_held": ("Your pictures, and how well it can hold them at all", "您的图片，以及它最多能还原成什么样"),
    "run_before": ("Earlier", "之前的样子"),
    "run_use": ("Draw with it", "用它画"),
    "run_stop": ("Stop", "停止"),
    "run_resume": ("Go on", "继续"),
    "run_download": ("Download", "下载"),
    "run_delete": ("Delete", "删除"),
    "run_import": ("Bring a checkpoint", "导入检查点"),
    "run_importing": ("Looking at the checkpoint", "正在检查"),
    "run_sure": ("Delete this run and its checkpoint for ever?", "永久删除这次训练和它的检查点？"),
    "run_in_use": (
        "it draws here right now; choose another checkpoint first",
        "它正在使用中，请先换一个检查点",
    ),
    "run_failed": ("This cannot be done: {reason}", "无法完成：{reason}"),
    "run_refused": ("This is not taken in: {reason}", "未能导入：{reason}"),
    "in_use": (
        "From now on {name} draws, for everybody on this page.",
        "从现在起由 {name} 来画，对本页所有人生效。",
    ),
    "about_minutes": ("about {count} min", "约 {count} 分钟"),
    "about_hours": ("about {count} h", "约 {count} 小时"),
    "about_seconds": ("about {count} s", "约 {count} 秒"),
    # --- about and footer
    "about_card": (
        "The model card that came with the checkpoint in use, word for word.",
        "正在使用的检查点自带的模型卡，原文照录。",
    ),
    "checkpoint": ("Checkpoint", "检查点"),
    "can_draw": (
        "Draws icons at {size}×{size}: things, animals, food, faces; in colours, counts, places and pairs.",
        "绘制 {size}×{size} 的图标：物品、动物、食物、表情，可指定颜色、数量、位置和组合。",
    ),
    "credits": ("Learnt from drawings by", "学自以下图标集"),
    "offline": (
        "The server does not answer. Settings and history are safe in this browser; "
        "the page loads again as soon as it is back.",
        "服务器没有回应。设置和历史都保存在本浏览器中，恢复后页面会自动刷新。",
    ),
}

CHINESE = {  # of the reasons whose English the library has
    # --- a picture
    "pixels": "图片太大，{width}×{height} 像素；请缩小，最多读取 {megapixels} 百万像素、{size}",
    "bomb": "图片太大（{error}）；请缩小，最多读取 {megapixels} 百万像素、{size}",
    "bytes": "文件太大；请缩小，最多读取 {megapixels} 百万像素、{size}",
    "foreign": "无论叫什么名字，它都不是 PNG、JPEG、WebP 或 GIF 图片；请用图片软件打开，另存为 PNG",
    "damaged": "图片损坏或不完整（{error}）；请用图片软件打开，另存为 PNG",
    "empty": "文件是空的；请换一个，或从原处重新复制",
    # --- a file among others
    "hidden": "隐藏文件，或由系统生成",
    "nested": "不打开里面的压缩包；请先解压，若是 zip 也可单独上传",
    "unpacked": "解压后有 {size}，每个文件最多 {most}",
    "total": "加上它，总量会超过 {most}",
    "closed": "无法读取（{error}）；请重新复制",
    "link": "不会打开指向别处的链接；请放入文件本身",
    "irregular": "不是普通文件",
    "outside": "它的路径指向 zip 之外",
    "encrypted": "已加密；请不用密码重新打包",
    "method": "压缩方式特殊；请打包成普通 zip",
    # --- a picture among others
    "pictures": "超过 {most:,} 张图片",
    "megapixels": "总共超过 {most:,} 百万像素",
    "small": "{width}×{height} 像素；每边至少要 {side} 像素",
    "duplicate": "像素与 {first} 完全相同，已保留那一张",
    "removed": "已手动移除",
    # --- captions
    "not_text": "无法作为 UTF-8 说明文字读取（{error}）",
    "column": "没有 {column!r} 这一列，只有 {columns}",
    "rows": "表格最多 {most:,} 行，其余未读",
    "row": "需要 file_name 和 text 两栏文字，这里是 {row}",
    "long": "说明最多 {most:,} 个字符，这条有 {length:,} 个",
    "control": "说明中不能有控制字符；{caption!r} 中有 {character}",
    "wordless": "说明是空的",
    "namesakes": "有 {count} 张图片叫这个名字；请改名",
    "captioned": "它的图片已由 {first} 说明",
    "pictureless": "没有叫这个名字的图片",
    # --- all that was handed over
    "files": "超过 {most:,} 个文件；请去掉不是图片的，或分批上传",
    "missing": "找不到 {path}；请给出文件夹、zip 或图片",
    "large_zip": "{name} 大于 {most}；请少放些图片",
    "long_zip": "{name} 中超过 {most:,} 个文件；请少放些图片",
    "bad_zip": "{name} 不是 zip，或已损坏（{error}）；请重新打包",
    "not_gathered": "{path} 中没有整理好的图片（{error}）；请重新上传",
    # --- a recipe
    "no_recipe": "图片中没有配方：只有在这里保存的 PNG 才有，聊天软件和图片编辑器会把它去掉。"
    "请用下载的原文件，或用链接",
    "not_object": "配方应是 JSON 对象，这里是 {value}",
    "other_version": "配方中有{odd}：它来自本程序的另一版本，或被改动过。"
    "本版读取版本 {version}，字段为 {known}；请更新程序，或手动输入描述",
    "unknown_fields": "未知字段 {fields}",
    "its_version": "版本 {value}",
    "link_closed": "无法读取链接（{error}）；请重新完整复制",
    "twice": "链接中 {name} 出现了两次；请重新复制",
    "field_closed": "无法读取 {name}（{error}），这里是 {value}",
    "field_long": "{name} 有 {length:,} 个字符，最多 {most:,} 个；请缩短",
    "field_control": "{name} 的第 {at} 个字符是控制字符 {known} U+{point:04X}；请删去",
    "text": "{name} 应是文字，这里是 {value}",
    "whole": "{name} 应是 {least} 到 {most} 的整数，这里是 {value}",
    "number": "{name} 应是 {least:g} 到 {most:g} 的数，这里是 {value}",
    "numbers": "{name} 应是 {count} 个数，这里是 {value}",
    "digest": "{name} 应是摘要（最多 {most} 个字母和数字），这里是 {value}",
    "choice": "{name} 应是 {known} 之一，这里是 {value}",
    "objects": "edits 应是 JSON 对象的列表，这里是 {value}",
    # --- an edit
    "edits": "有 {count} 步编辑，最多 {most} 步",
    "unknown_field": "编辑 {kind!r} 没有字段 {name!r}，它的字段是 {known}",
    "missing_field": "编辑 {kind!r} 缺少字段 {name!r}，它的字段是 {known}",
    "file_late": "只有配方的第一步编辑可以打开文件",
    "blends": "融合的另一张图片本身不能是融合而成；请反过来融合",
    "work": "连同编辑，这张图片要 {steps:,} 个采样步（含所融合图片的），最多 {most:,} 步。请减少步数或编辑",
    "mask_empty": "蒙版是空的；请涂抹要改变的部分",
    "mask_closed": "无法读取蒙版（{error}）；请重新涂抹",
    "mask_size": "蒙版不是 {size}×{size} 像素；请重新涂抹",
    "frame": "画框移动后，要既保留一部分原图，又有新的部分",
    "other_first": "请先打开另一张图片",
    "other_needed": "请打开另一张图片，或写出它画的是什么",
    "not_flat": "背景不是单一颜色，无法与主体分开；请用纯色背景的图片",
    "cut_large": "图片太大，无法抠图：{width}×{height} 像素，最多 {most} 百万像素",
    "enlarged": "{width}×{height} 像素放大 {factor} 倍会超过 {most} 百万像素；请选较小的倍数或图片",
    "upscaler_gone": "它由放大器 {digest} 放大，这里没有；请把它的文件放进检查点文件夹，或重新放大",
    # --- a run
    "no_pictures": "没有可学习的图片；请先选几张",
    "uncaptioned": "有 {count} 张图片没有说明，例如 {first}；请在表格或 data/metadata.csv 中写上",
    "runs_full": "各次训练已占满 {used}；请先删除一次",
    "disk_full": "磁盘剩余不到 {needed}，训练可能不够用；请腾出空间",
    "no_checkpoint": "训练 {name!r} 还没有检查点",
    "waiting": "已有 {most} 次训练在排队，不能再多；请稍后再试",
    "yours_waiting": "您已有训练在排队，每人最多 {most} 次；请等它开始，或先停止它",
    # --- a checkpoint
    "not_taken": "未接收 {name}：{reason}",
    "no_part": "{name} 不是检查点的一部分；请上传在这里下载的 zip，或含有 {files} 的文件夹",
    "several": "这些文件来自不止一个检查点；请一次给一个",
    "part_closed": "无法读取 {name}（{error}）；请重新复制",
}
TABLE |= {f"why_{code}": (text, CHINESE[code]) for code, text in ENGLISH.items()}


class Translator:
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

    def why(self, reason: ErrorMessage) -> str:
        """A reason of the library, in this language."""
        told = {n: self.why(v) if isinstance(v, ErrorMessage) else v for n, v in reason.values.items()}
        return self(f"why_{reason.code}", **told)


def duration(say: Translator, seconds: float) -> str:
    """A length of time to be expected: "about 4 min"."""
    if seconds < 90:
        return say("about_seconds", count=math.ceil(seconds))
    if seconds < 5400:
        return say("about_minutes", count=round(seconds / 60))
    return say("about_hours", count=f"{seconds / 3600:.1f}")
