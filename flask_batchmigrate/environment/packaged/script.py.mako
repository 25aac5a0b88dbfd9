<%!
    from flask_batchmigrate.environment.rendering import render_revision
%>\
${render_revision(context.kwargs)}\
